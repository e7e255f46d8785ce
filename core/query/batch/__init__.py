"""Searching an index by many images at once."""
