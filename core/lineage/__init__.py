"""What was made from what: staleness, disk use, deletion with dependents."""
