"""The sample dataset: generated images of shapes."""
