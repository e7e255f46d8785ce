"""Augmentation: random changes to a batch of train images.

Shapes, in this file: B images, S pixels a side.
"""

import math
from contextlib import suppress

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from core.datasets.columns import ImageFilter, Split
from core.datasets.registry import Dataset
from core.errors import UnreadableImageError
from core.models.batches import load_square
from core.models.preprocessing import Preprocessing, denormalized, normalized
from core.training.augment_config import LIGHT, OFF, AugmentConfig

ERASED_AREA = (0.02, 0.33)
ERASED_RATIO = (0.3, 3.3)
"""Of an erased rectangle: share of the image, and height to width; torchvision's defaults."""

LUMA = torch.tensor([0.299, 0.587, 0.114])
"""Perceived brightness of red, green and blue (ITU-R BT.601, which Pillow uses for gray)."""


def augmented(
    pixels: Tensor,
    generator: torch.Generator,
    preprocessing: Preprocessing,
    config: AugmentConfig = LIGHT,
) -> Tensor:
    """Augment each image of a batch on its own.

    Args:
        pixels: (B, 3, S, S) float32, normalized.
        generator: A generator on the CPU, on whatever device the pixels are.
        preprocessing: How the pixels were normalized.
        config: Settings of the augmentation.

    Returns:
        (B, 3, S, S) float32, channels last; `pixels` itself if the augmentation is off.
    """
    if config == OFF:
        return pixels
    if config.resamples:
        pixels = _resampled(pixels, generator, config)
    elif config.flip or config.shift:
        pixels = _moved(pixels, generator, config)
    if config.recolors:
        pixels = _recolored(pixels, generator, preprocessing, config)
    if config.erasing:
        pixels = _erased(pixels, generator, config.erasing)
    return pixels.contiguous(memory_format=torch.channels_last)


def _moved(pixels: Tensor, generator: torch.Generator, config: AugmentConfig) -> Tensor:
    """Flip, and shift by whole pixels, in one gather: exact copies of the values."""
    count, _, side, _ = pixels.shape
    rows = columns = torch.arange(side).expand(count, side)
    flips = torch.rand(count, generator=generator) < config.flip if config.flip else None
    if config.shift:
        pad = max(1, round(side * config.shift))
        offsets = torch.randint(0, 2 * pad + 1, (count, 2), generator=generator) - pad
        rows, columns = (_mirrored(rows + offsets[:, [axis]], side) for axis in (0, 1))
    if flips is not None:
        columns = torch.where(flips[:, None], side - 1 - columns, columns)
    rows, columns = rows.to(pixels.device)[:, :, None], columns.to(pixels.device)[:, None]
    images = torch.arange(count, device=pixels.device)[:, None, None]
    return pixels.permute(0, 2, 3, 1)[images, rows, columns].permute(0, 3, 1, 2)


def _mirrored(positions: Tensor, side: int) -> Tensor:
    """Reflect positions outside the image at the centers of the first and the last pixel."""
    last = side - 1
    return last - (last - positions.abs()).abs()


def _resampled(pixels: Tensor, generator: torch.Generator, config: AugmentConfig) -> Tensor:
    """Crop, flip, rotate and shift in one resampling; the border is mirrored."""
    count, _, side, _ = pixels.shape
    matrix, offset = _windows(count, generator, config)
    matrix, offset = matrix.to(pixels.device), offset.to(pixels.device)
    line = torch.linspace(-1, 1, side, device=pixels.device)[:, None]
    # affine_grid multiplies thin matrices, which is several times slower
    across = line * matrix[:, None, :, 0]
    down = line * matrix[:, None, :, 1] + offset[:, None]
    grid = down[:, :, None] + across[:, None]
    return functional.grid_sample(pixels, grid, padding_mode="reflection", align_corners=True)


def _windows(
    count: int, generator: torch.Generator, config: AugmentConfig
) -> tuple[Tensor, Tensor]:
    """Draw the window of each image, in units of half a side around its center.

    Return (B, 2, 2) from positions in the result to positions in the image, and (B, 2) the offset.
    """
    chance = torch.rand(6, count, generator=generator)
    area = config.smallest_crop + (config.largest_crop - config.smallest_crop) * chance[0]
    ratio = torch.exp((2 * chance[1] - 1) * math.log(config.stretch))
    size = torch.stack([(area * ratio).sqrt(), (area / ratio).sqrt()], dim=1).clamp(max=1)
    offset = (2 * chance[2:4].T - 1) * (1 - size + 2 * config.shift)
    angle = (2 * chance[4] - 1) * math.radians(config.rotation)
    mirror = torch.where(chance[5] < config.flip, -1.0, 1.0)
    cos, sin = angle.cos(), angle.sin()
    rotation = torch.stack([torch.stack([cos, -sin], dim=1), torch.stack([sin, cos], dim=1)], dim=1)
    scale = torch.stack([size[:, 0] * mirror, size[:, 1]], dim=1)
    return rotation * scale[:, None], offset


def _recolored(
    pixels: Tensor, generator: torch.Generator, preprocessing: Preprocessing, config: AugmentConfig
) -> Tensor:
    """Change saturation, then contrast and brightness: a linear map of each image's colors."""
    count, _, side, _ = pixels.shape
    change = torch.rand(2, count, 1, 1, generator=generator) * 2 - 1
    contrast, brightness = 1 + change[0] * config.contrast, change[1] * config.brightness
    if not config.saturation:
        contrast, brightness = contrast.to(pixels.device), brightness.to(pixels.device)
        return (pixels * contrast[..., None]).add_(brightness[..., None])
    share = (torch.rand(count, 1, 1, generator=generator) * 2 - 1) * config.saturation
    matrix, offset = _saturations(share, preprocessing)
    matrix, offset = matrix * contrast, offset * contrast + brightness
    flat = torch.baddbmm(offset.to(pixels.device), matrix.to(pixels.device), pixels.flatten(2))
    return flat.reshape(count, 3, side, side)


def _saturations(share: Tensor, preprocessing: Preprocessing) -> tuple[Tensor, Tensor]:
    """Return (B, 3, 3) and (B, 3, 1): a map that moves colors away from gray by (B, 1, 1) shares.

    A pixel's gray is its luma, which is defined for pixels, not for normalized values.
    """
    mean, deviation = torch.tensor(preprocessing.mean), torch.tensor(preprocessing.deviation)
    gray = LUMA * deviation / deviation[:, None]
    shift = ((LUMA * mean).sum() - mean) / deviation
    return torch.eye(3) * (1 + share) - gray * share, -shift[:, None] * share


def _erased(pixels: Tensor, generator: torch.Generator, probability: float) -> Tensor:
    """Set a rectangle of some images to 0, the mean color."""
    count, _, side, _ = pixels.shape
    chance = torch.rand(5, count, generator=generator)
    area = ERASED_AREA[0] + (ERASED_AREA[1] - ERASED_AREA[0]) * chance[0]
    low, high = (math.log(bound) for bound in ERASED_RATIO)
    ratio = torch.exp(low + (high - low) * chance[1])
    size = torch.stack([(area * ratio).sqrt(), (area / ratio).sqrt()]).clamp(max=1)
    size = size * (chance[2] < probability)
    start = chance[3:5] * (1 - size)
    line = (torch.arange(side) + 0.5) / side
    inside = (line >= start[..., None]) & (line < (start + size)[..., None])
    covered = (inside[0][:, :, None] & inside[1][:, None, :])[:, None]
    erased: Tensor = pixels * ~covered.to(pixels.device)
    return erased


NUM_IMAGES = 16


def augmented_images(
    dataset: Dataset, config: AugmentConfig, image_size: int, seed: int
) -> list[Image.Image]:
    """Return a sample of augmented train images; unreadable ones are left out.

    `image_size` is that of the square that the network sees, in pixels. The seed is that of the
    sample and of the augmentation.
    """
    preprocessing = Preprocessing(image_size=image_size)
    train = ImageFilter(splits=(Split.TRAIN,))
    count = dataset.catalog.count(train)
    chosen = np.random.default_rng(seed).choice(count, min(NUM_IMAGES, count), replace=False)
    pixels = []
    for offset in chosen:
        for row in dataset.catalog.rows(train, offset=int(offset), limit=1):
            with suppress(UnreadableImageError):
                pixels.append(load_square(dataset.path_of(row), preprocessing))
    if not pixels:
        return []
    generator = torch.Generator().manual_seed(seed)
    values = normalized(torch.from_numpy(np.stack(pixels)), preprocessing)
    values = augmented(values, generator, preprocessing, config)
    shown = denormalized(values, preprocessing).permute(0, 2, 3, 1).numpy()
    return [Image.fromarray(image) for image in shown]
