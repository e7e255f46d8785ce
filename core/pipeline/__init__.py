"""Pipelines over several packages: quick start, and rebuilding what is stale."""
