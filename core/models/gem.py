"""Generalized-mean pooling layer.

Shapes, in this file: B images, K channels.
"""

import torch
from torch import Tensor, nn

POWER = 3.0
"""The paper's: 1 is the average, and higher powers come nearer to the maximum."""

MIN_VALUE = 1e-6
"""Lower clamp, for negative values too, whose powers have no mean."""


class GeneralizedMean(nn.Module):
    """The third root of the mean third power of each channel (Radenović et al. 2018)."""

    def forward(self, features: Tensor) -> Tensor:
        """Pool (B, K, height, width) to (B, K, 1, 1), in float32 or better."""
        # Third powers need more digits than bfloat16 has
        exact = features.to(torch.promote_types(features.dtype, torch.float32))
        powers = exact.clamp(min=MIN_VALUE).pow(POWER)
        return powers.mean(dim=(-2, -1), keepdim=True).pow(1 / POWER)
