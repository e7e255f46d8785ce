"""The generalized mean of a feature map's places.

Shapes, in this file: B images, K channels.
"""

import torch
from torch import Tensor, nn

POWER = 3.0
"""As in its paper: 1 is the average, and the higher, the nearer to the greatest value."""

MIN_VALUE = 1e-6
"""What is smaller, negative values too, counts as this: there is no mean of their powers."""


class GeneralizedMean(nn.Module):
    """The third root of the mean third power of each channel (Radenović et al. 2018)."""

    def forward(self, features: Tensor) -> Tensor:
        """Turn (B, K, height, width) into (B, K, 1, 1), in float32 or better."""
        # Third powers want more digits than bfloat16 has
        exact = features.to(torch.promote_types(features.dtype, torch.float32))
        powers = exact.clamp(min=MIN_VALUE).pow(POWER)
        return powers.mean(dim=(-2, -1), keepdim=True).pow(1 / POWER)
