"""Spatial attribution: an embedding, split over the positions of the feature map.

Shapes, in this file: B images, S pixels a side, H × W positions, D embedding dimensions.
"""

from collections.abc import Callable

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
"""Standard deviation of the smoothing, in positions. `benchmarks/regions.py` chose it on the images
that it scores: the hottest tenth of a map lies in objects most often near this value."""


def spatial_attribution(
    network: EmbeddingNetwork, device: Device, pixels: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """Return the contribution of each position to the embeddings before they have unit length.

    The feature map is the last one before any pooling: VGG's conv5_3, 14 × 14 positions at 224 px,
    and the last block's output of the others, 7 × 7. The layers after it, any of the poolings and
    VGG's last max-pool too, are homogeneous of degree 1 up to a constant shift. So, by Euler's
    theorem, a position contributes its features times the gradient there, and all positions add
    up to the embedding less the shift (HiResCAM's product, Draelos & Carin 2020, for each
    dimension). The shift, of batch norm or of a bias, is distributed evenly: with average pooling
    this is as if each position were embedded by itself.

    VGG's last max-pool passes on one of four positions and nothing of the others, though all of
    them see the same object: each contribution is smoothed over its neighbors; the sum stays.

    Args:
        network: In evaluation mode.
        device: Device of the network; it computes in float32.
        pixels: (B, 3, S, S) uint8, as `batches.load_square` returns them.

    Returns:
        (B, H, W, D) float32; the sum over H and W is the embedding before it has unit length.
    """
    layers = [*network.frozen, *network.tail]
    ends_in_pool = isinstance(layers[-1], nn.MaxPool2d)
    last = layers[-1] if ends_in_pool else nn.Identity()

    def embed(features: Tensor) -> Tensor:
        return network.embed(last(features))

    with torch.no_grad():
        features = normalized(device.upload(pixels), network.config.preprocessing)
        for layer in layers[:-1] if ends_in_pool else layers:
            features = layer(features)
        [shift] = embed(torch.zeros_like(features[:1]))
    num_positions = features.shape[2] * features.shape[3]
    parts = torch.stack([_split(embed, one) for one in features]) + shift / num_positions
    split: NDArray[np.float32] = parts.cpu().numpy()
    if ends_in_pool:
        split = gaussian_filter(split, (0, SPREAD, SPREAD, 0), mode="reflect")
    return split


def _split(embed: Callable[[Tensor], Tensor], features: Tensor) -> Tensor:
    """Return (H, W, D) features of one image times the gradient of each dimension."""
    dimension = embed(features[None]).shape[1]
    rows = torch.arange(dimension, device=features.device)
    parts = []
    for chosen in rows.split(DIMENSIONS_AT_ONCE):
        # One copy per dimension, so that one backward pass finds all gradients
        copies = features.repeat(len(chosen), 1, 1, 1).requires_grad_()
        with torch.enable_grad():
            embeddings = embed(copies)
            diagonal = embeddings[torch.arange(len(chosen)), chosen].sum()
        [gradients] = torch.autograd.grad(diagonal, copies)
        parts.append((gradients * features).sum(dim=1))
    return torch.cat(parts).permute(1, 2, 0)
