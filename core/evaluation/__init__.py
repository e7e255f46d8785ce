"""Evaluations: retrieval quality on held-out images."""
