"""Preprocessing: from a decoded image to the network's input.

torch is imported only by what computes with it, so that configs carry a `Preprocessing` without it.

Shapes, in this file: B images, S pixels a side.
"""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from core.images.isolation import SquareOptions
from core.images.squares import CROP

if TYPE_CHECKING:
    import torch
    from torch import Tensor

VERSION = 2
"""Part of cache keys: increase it with each change of the preprocessing."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
"""Of ImageNet's pixels in [0, 1], as torchvision's weights expect them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Preprocessing:
    """How images become the input of a network; pre-trained weights expect a certain way."""

    image_size: int
    """S, the side of the square that the network sees, in pixels."""

    mean: tuple[float, ...] = IMAGENET_MEAN
    """Of red, green and blue in [0, 1]; subtracted."""

    deviation: tuple[float, ...] = IMAGENET_DEVIATION
    """Of red, green and blue in [0, 1]; divided by."""

    interpolation: str = "bilinear"
    """A key of `squares.INTERPOLATIONS`."""

    fit: str = CROP
    """How an image becomes a square: one of `squares.FITS`."""

    @property
    def square(self) -> SquareOptions:
        """How images become squares."""
        return SquareOptions(side=self.image_size, interpolation=self.interpolation, fit=self.fit)


def normalized(pixels: "Tensor", preprocessing: Preprocessing) -> "Tensor":
    """Return (B, 3, S, S) uint8 pixels as float32 of about zero mean and unit deviation."""
    import torch

    mean, deviation = _statistics(preprocessing, pixels.device)
    scaled = pixels.to(torch.float32).div_(255).sub_(mean).div_(deviation)
    return scaled.contiguous(memory_format=torch.channels_last)


def denormalized(values: "Tensor", preprocessing: Preprocessing) -> "Tensor":
    """Return the uint8 pixels of (B, 3, S, S) normalized values, clipped to 0..255."""
    import torch

    mean, deviation = _statistics(preprocessing, values.device)
    scaled = values.mul(deviation).add_(mean).mul_(255)
    return scaled.round_().clamp_(0, 255).to(torch.uint8)


@cache
def _statistics(preprocessing: Preprocessing, device: "torch.device") -> "tuple[Tensor, Tensor]":
    """Return mean and deviation on a device, each (1, 3, 1, 1).

    They are cached there: copying them would wait until a graphics card has finished its queue.
    """
    import torch

    with torch.inference_mode(mode=False):  # Training reads them, too
        mean, deviation = (
            torch.tensor(numbers).reshape(1, 3, 1, 1).to(device)
            for numbers in (preprocessing.mean, preprocessing.deviation)
        )
        return mean, deviation
