"""From a decoded image to the numbers that a network reads.

Shapes, in this file: B images, S pixels a side.
"""

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

VERSION = 2
"""To be raised with each change of what follows: values kept on disk are known by it."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
"""Of ImageNet's pixels in [0, 1], as torchvision's weights expect them."""

MEAN = torch.tensor(IMAGENET_MEAN).reshape(1, 3, 1, 1)
DEVIATION = torch.tensor(IMAGENET_DEVIATION).reshape(1, 3, 1, 1)


def to_square(image: Image.Image, side: int) -> NDArray[np.uint8]:
    """Scale an RGB image's short side to `side` and cut out the middle.

    Returns:
        (3, S, S) uint8, a view of (S, S, 3) in memory: as Pillow has it, and networks read it.
    """
    scale = side / min(image.size)
    width, height = (max(side, round(length * scale)) for length in image.size)
    left, top = (width - side) // 2, (height - side) // 2
    # One resampling of the part that is kept, instead of all of it and a crop
    box = (left / scale, top / scale, (left + side) / scale, (top + side) / scale)
    box = (box[0], box[1], min(box[2], image.width), min(box[3], image.height))
    resized = image.resize((side, side), Image.Resampling.BILINEAR, box=box)
    return np.array(resized, dtype=np.uint8).transpose(2, 0, 1)


def denormalized(values: Tensor) -> Tensor:
    """Turn (B, 3, S, S) values of `normalized` back into uint8 pixels; what lies beyond is cut."""
    mean, deviation = _statistics(values.device)
    scaled = values.mul(deviation).add_(mean).mul_(255)
    return scaled.round_().clamp_(0, 255).to(torch.uint8)


def normalized(pixels: Tensor) -> Tensor:
    """Turn (B, 3, S, S) uint8 pixels into float32 of about zero mean and unit deviation."""
    mean, deviation = _statistics(pixels.device)
    scaled = pixels.to(torch.float32).div_(255).sub_(mean).div_(deviation)
    return scaled.contiguous(memory_format=torch.channels_last)


@cache
def _statistics(device: torch.device) -> tuple[Tensor, Tensor]:
    """Return mean and deviation where they are needed.

    They stay there: to send them, a graphics card would first finish all it was asked for before.
    """
    with torch.inference_mode(mode=False):  # Training reads them, too
        return MEAN.to(device), DEVIATION.to(device)
