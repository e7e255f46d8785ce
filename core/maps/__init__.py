"""Two-dimensional maps of an embedding space."""
