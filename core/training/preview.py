"""Preview of the augmentation before a training."""

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
    dataset: Dataset, config: AugmentConfig, side: int, seed: int
) -> list[Image.Image]:
    """Return a sample of augmented train images; unreadable ones are left out.

    Args:
        dataset: The dataset.
        config: Settings of the augmentation.
        side: Side of the square that the network sees, in pixels.
        seed: Seed of the sample and of the augmentation.
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
    values = augmented(normalized(torch.from_numpy(np.stack(pixels))), generator, config)
    return [Image.fromarray(image) for image in denormalized(values).permute(0, 2, 3, 1).numpy()]
