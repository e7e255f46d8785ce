"""Random changes to train images, a whole batch at a time.

Shapes, in this file: B images, S pixels a side.
"""

import torch
from torch import Tensor
from torch.nn import functional

SHIFT = 1 / 8
"""Largest shift, as a share of the side; the border is mirrored (He et al. 2016 pad 4 of 32)."""

BRIGHTNESS = 0.2
"""Largest change of brightness and of contrast, as a share."""


def augmented(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Flip, shift and recolour each image by itself.

    Args:
        pixels: (B, 3, S, S) float32, normalised.
        generator: Where the randomness comes from.

    Returns:
        (B, 3, S, S) float32.
    """
    count, _, side, _ = pixels.shape
    flips = torch.rand(count, generator=generator) < 0.5
    pixels = torch.where(flips[:, None, None, None].to(pixels.device), pixels.flip(3), pixels)
    pad = max(1, round(side * SHIFT))
    padded = functional.pad(pixels, (pad, pad, pad, pad), mode="reflect")
    offsets = torch.randint(0, 2 * pad + 1, (count, 2), generator=generator).tolist()
    moved = torch.stack(
        [padded[i, :, y : y + side, x : x + side] for i, (y, x) in enumerate(offsets)]
    )
    change = (torch.rand(2, count, 1, 1, 1, generator=generator) * 2 - 1) * BRIGHTNESS
    contrast, brightness = change.to(pixels.device)
    changed: Tensor = moved * (1 + contrast) + brightness
    return changed.contiguous(memory_format=torch.channels_last)
