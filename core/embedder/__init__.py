"""The network that turns an image into an embedding, and its weights on disk."""
