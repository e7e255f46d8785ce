"""Retrieval measures and bootstrap intervals."""
