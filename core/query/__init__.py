"""Queries: searching an index by images."""
