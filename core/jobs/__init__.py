"""What a job leaves on disk: its record and its event log."""
