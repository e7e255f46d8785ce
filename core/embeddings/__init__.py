"""Embeddings of a dataset by a model."""
