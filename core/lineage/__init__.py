"""Lineage: sources and staleness of artifacts, disk use, deletion with dependents."""
