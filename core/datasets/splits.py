"""Stratified splits of images into train, validation and test."""

import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, repeat

from core.datasets.catalog import Catalog
from core.datasets.columns import ALL_IMAGES, ImageFilter, Split
from core.options import bounded, check_fields


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitConfig:
    """How to split a dataset; what the two shares leave becomes the train split.

    Raises:
        ValueError: A setting is out of range; the message names it.
    """

    validation: float = bounded(0.1, 0.0, 0.9)
    """Share of each class for choosing the best epoch."""

    test: float = bounded(0.2, 0.0, 0.9)
    """Share of each class for evaluation."""

    train_per_class: int = bounded(0, 0, 100_000)
    """Train images of each class, such as 30 in the usual protocol of Caltech-101 (Zhang, Berg,
    Maire & Malik 2006); the shares divide the rest. 0 uses the shares alone."""

    seed: int = bounded(0, 0, 2**31)
    """Seed of the random assignment."""

    def __post_init__(self) -> None:
        check_fields(self)
        if self.train_per_class and not self.validation + self.test:
            raise ValueError("train_per_class needs validation or test above 0 for the rest")
        if self.validation + self.test > 0.9:
            raise ValueError(
                f"validation + test must leave at least 0.1 for train, "
                f"got {self.validation} + {self.test}"
            )


def training_filter(catalog: Catalog) -> ImageFilter:
    """Return the images for learning without labels: train, or all if there are no splits."""
    in_splits = ImageFilter(splits=tuple(Split))
    return ImageFilter(splits=(Split.TRAIN,)) if catalog.count(in_splits) else ALL_IMAGES


def stratified(labels: Iterable[tuple[int, str]], config: SplitConfig) -> dict[int, Split]:
    """Return image id → split for each (image id, label), with the same shares in every class.

    Each class is shuffled separately, so that adding a class moves no image of another one. A class
    has at least one train image, from two images on a test image, and from three on a validation
    image (if the shares are above 0). Classes with at most `train_per_class` images are split by
    the shares, so that they are tested, too.
    """
    by_label: dict[str, list[int]] = defaultdict(list)
    for image_id, label in labels:
        by_label[label].append(image_id)
    splits: dict[int, Split] = {}
    for label, ids in by_label.items():
        order = sorted(ids)
        random.Random(f"{config.seed}/{label}").shuffle(order)
        num_validation, num_test = _sizes(len(order), config)
        held_out = [Split.TEST] * num_test + [Split.VALIDATION] * num_validation
        splits |= zip(order, chain(held_out, repeat(Split.TRAIN)), strict=False)
    return splits


def _sizes(count: int, config: SplitConfig) -> tuple[int, int]:
    """Return the numbers of validation and of test images of a class."""
    rest = count - config.train_per_class
    if config.train_per_class and rest > 0:
        num_test = max(1, round(rest * config.test / (config.validation + config.test)))
        num_test = min(rest, num_test) if config.test else 0
        return rest - num_test, num_test
    num_validation = _share(config.validation, count, at_least_from=3)
    return num_validation, _share(config.test, count, at_least_from=2)


def _share(share: float, count: int, *, at_least_from: int) -> int:
    if share == 0 or count < at_least_from:
        return 0
    return max(1, round(share * count))
