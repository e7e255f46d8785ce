"""Jobs: records, event log, processes, and long calls in a thread."""
