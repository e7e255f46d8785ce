"""Embeddings on disk and the indexes that search them."""
