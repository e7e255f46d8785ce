"""An embedding, split over the places of the feature map that it was pooled from.

Shapes, in this file: B images, S pixels a side, H × W places, D embedding dimensions.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn

from core.models.devices import Device
from core.models.network import EmbeddingNetwork
from core.models.preprocessing import normalized

DIMENSIONS_AT_ONCE = 64
"""Each takes a copy of the feature map and its gradient: 100 MB together for VGG-16 at 224 px."""

SPREAD = 0.7
"""Standard deviation, in places; chosen by `benchmarks/regions.py`, on the pictures that it scores:
the hottest tenth of a map lies in objects most often near this."""


def spatial_attribution(
    network: EmbeddingNetwork, device: Device, pixels: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """Return what each place adds to the embeddings, before those are scaled to unit length.

    The map is the last one before anything is pooled: VGG's conv5_3, 14 × 14 places at 224 px, and
    the last block's output of the others, 7 × 7. What comes after it, any of the poolings and VGG's
    last max-pool too, grows by a factor with the map, and then is multiplied and shifted. So, by
    Euler's theorem, a place adds its features times the gradient there, and all places together
    are the embedding less the shift (it is HiResCAM's product, Draelos & Carin 2020, for each
    dimension). The shift, that of batch norm or of a bias, is given to all places in equal parts:
    under an average it then is as if each place were embedded by itself.

    VGG's last max-pool hears one of four places and leaves the others with nothing, though all of
    them see the same object: what each adds is spread over the places next to it; the sum stays.

    Args:
        network: In its state for use, not for training.
        device: Where its weights are; it computes in float32 there.
        pixels: (B, 3, S, S) uint8, as `preprocess.to_square` makes them.

    Returns:
        (B, H, W, D) float32; the sum over H and W is the embedding before its length is made 1.
    """
    layers = [*network.frozen, *network.tail]
    pooled_twice = isinstance(layers[-1], nn.MaxPool2d)  # Its places are four times as many before
    last = layers[-1:] if pooled_twice else []
    rest = nn.Sequential(*last, network.pool, nn.Flatten(), network.project, network.normalize)
    with torch.no_grad():
        features = normalized(device.upload(pixels))
        for layer in layers[: len(layers) - len(last)]:
            features = layer(features)
        [shift] = rest(torch.zeros_like(features[:1]))
    num_places = features.shape[2] * features.shape[3]
    parts = torch.stack([_split(rest, one) for one in features]) + shift / num_places
    split: NDArray[np.float32] = parts.cpu().numpy()
    if pooled_twice:
        split = gaussian_filter(split, (0, SPREAD, SPREAD, 0), mode="reflect")
    return split


def _split(rest: nn.Module, features: Tensor) -> Tensor:
    """Return (H, W, D) features of one image times the gradient of each dimension."""
    dimension = rest(features[None]).shape[1]
    rows = torch.arange(dimension, device=features.device)
    parts = []
    for chosen in rows.split(DIMENSIONS_AT_ONCE):
        # A copy a dimension, so that one pass back finds the gradients of all
        copies = features.repeat(len(chosen), 1, 1, 1).requires_grad_()
        with torch.enable_grad():
            embeddings = rest(copies)
            wanted = embeddings[torch.arange(len(chosen)), chosen].sum()
        [gradients] = torch.autograd.grad(wanted, copies)
        parts.append((gradients * features).sum(dim=1))
    return torch.cat(parts).permute(1, 2, 0)
