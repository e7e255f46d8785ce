"""Finders: what is wrong with a dataset, or worth a look, by the embeddings of an index."""
