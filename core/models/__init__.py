"""Models: backbones, the embedding network, weights, import and export."""
