"""Embedding maps: UMAP, t-SNE and PCA in two or three dimensions."""
