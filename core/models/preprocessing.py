"""Preprocessing: from a decoded image to the network's input.

Shapes, in this file: B images, S pixels a side.
"""

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

VERSION = 2
"""Part of cache keys: increase it with each change of the preprocessing."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
"""Of ImageNet's pixels in [0, 1], as torchvision's weights expect them."""

MEAN = torch.tensor(IMAGENET_MEAN).reshape(1, 3, 1, 1)
DEVIATION = torch.tensor(IMAGENET_DEVIATION).reshape(1, 3, 1, 1)


def to_square(image: Image.Image, side: int) -> NDArray[np.uint8]:
    """Scale an RGB image's short side to `side` and crop the center.

    Returns:
        (3, S, S) uint8, a view of (S, S, 3) in memory: the layout of Pillow and of the networks.
    """
    scale = side / min(image.size)
    width, height = (max(side, round(length * scale)) for length in image.size)
    left, top = (width - side) // 2, (height - side) // 2
    # Resample only the crop
    box = (left / scale, top / scale, (left + side) / scale, (top + side) / scale)
    box = (box[0], box[1], min(box[2], image.width), min(box[3], image.height))
    resized = image.resize((side, side), Image.Resampling.BILINEAR, box=box)
    return np.array(resized, dtype=np.uint8).transpose(2, 0, 1)


def denormalized(values: Tensor) -> Tensor:
    """Return the uint8 pixels of (B, 3, S, S) normalized values, clipped to 0..255."""
    mean, deviation = _statistics(values.device)
    scaled = values.mul(deviation).add_(mean).mul_(255)
    return scaled.round_().clamp_(0, 255).to(torch.uint8)


def normalized(pixels: Tensor) -> Tensor:
    """Return (B, 3, S, S) uint8 pixels as float32 of about zero mean and unit deviation."""
    mean, deviation = _statistics(pixels.device)
    scaled = pixels.to(torch.float32).div_(255).sub_(mean).div_(deviation)
    return scaled.contiguous(memory_format=torch.channels_last)


@cache
def _statistics(device: torch.device) -> tuple[Tensor, Tensor]:
    """Return mean and deviation on a device.

    They are cached there: copying them would wait until a graphics card has finished its queue.
    """
    with torch.inference_mode(mode=False):  # Training reads them, too
        return MEAN.to(device), DEVIATION.to(device)
