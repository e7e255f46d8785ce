"""Augmented images to look at before a training."""

from contextlib import suppress

import numpy as np
import torch
from PIL import Image

from core.datasets.columns import ImageFilter, Split
from core.datasets.registry import Dataset
from core.errors import UnreadableImageError
from core.models.batches import load_square
from core.models.preprocessing import denormalized, normalized
from core.training.augment import augmented
from core.training.augment_config import AugmentConfig

NUM_IMAGES = 16


def augmented_images(
    dataset: Dataset, changes: AugmentConfig, side: int, seed: int
) -> list[Image.Image]:
    """Return train images as a training would see them; those that cannot be read are left out.

    Args:
        dataset: Whose train images; those from all over it.
        changes: How much they change.
        side: Of the square that the network sees, in pixels.
        seed: Fixes which images, and how they change.
    """
    train = ImageFilter(splits=(Split.TRAIN,))
    count = dataset.catalog.count(train)
    chosen = np.random.default_rng(seed).choice(count, min(NUM_IMAGES, count), replace=False)
    pixels = []
    for offset in chosen:
        for row in dataset.catalog.rows(train, offset=int(offset), limit=1):
            with suppress(UnreadableImageError):
                pixels.append(load_square(dataset.path_of(row), side))
    if not pixels:
        return []
    generator = torch.Generator().manual_seed(seed)
    changed = denormalized(
        augmented(normalized(torch.from_numpy(np.stack(pixels))), generator, changes)
    )
    return [Image.fromarray(image) for image in changed.permute(0, 2, 3, 1).numpy()]
