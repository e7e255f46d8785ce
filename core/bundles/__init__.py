"""Bundles: an index with its model, embeddings and thumbnails in one file."""
