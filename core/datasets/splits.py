"""Dividing images into train, validation and test, class by class."""

import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from core.datasets.catalog import Catalog
from core.datasets.columns import ALL_IMAGES, ImageFilter, Split


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitConfig:
    """How to divide a dataset. The shares that are left make up the train split.

    Raises:
        ValueError: A share is out of range; the message names it.
    """

    validation: float = 0.1
    """Share of each class used to choose the best epoch."""

    test: float = 0.2
    """Share of each class kept for evaluation."""

    train_per_class: int = 0
    """Train images of each class, such as 30 in Caltech-101's usual protocol (Zhang, Berg, Maire &
    Malik 2006); the rest is divided by the two shares. 0 goes by the shares alone."""

    seed: int = 0
    """Fixes which images go where."""

    def __post_init__(self) -> None:
        if self.train_per_class < 0:
            raise ValueError(f"train_per_class must be at least 0, got {self.train_per_class}")
        if self.train_per_class and not self.validation + self.test:
            raise ValueError("train_per_class needs validation or test above 0 for the rest")
        for name in ("validation", "test"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be in [0, 1), got {getattr(self, name)}")
        if self.validation + self.test > 0.9:
            raise ValueError(
                f"validation + test must leave at least 0.1 for train, "
                f"got {self.validation} + {self.test}"
            )


def training_filter(catalog: Catalog) -> ImageFilter:
    """Return which images what needs no labels is learnt from: train, or all without any split."""
    divided = ImageFilter(splits=tuple(Split))
    return ImageFilter(splits=(Split.TRAIN,)) if catalog.count(divided) else ALL_IMAGES


def stratified(labels: Iterable[tuple[int, str]], config: SplitConfig) -> dict[int, Split]:
    """Assign each (image id, label) to a split, keeping the shares within every class.

    Each class is shuffled by itself, so adding a class moves no image of another. A class keeps
    at least one train image; of two images or more one is tested, of three or more one validates
    (where those shares are above 0). A class with no more than `train_per_class` images goes by the
    shares, so that it too is tested.

    Returns:
        Image id → split.
    """
    by_label: dict[str, list[int]] = defaultdict(list)
    for image_id, label in labels:
        by_label[label].append(image_id)
    splits: dict[int, Split] = {}
    for label, ids in by_label.items():
        order = sorted(ids)
        random.Random(f"{config.seed}/{label}").shuffle(order)
        num_validation, num_test = _sizes(len(order), config)
        for position, image_id in enumerate(order):
            if position < num_test:
                splits[image_id] = Split.TEST
            elif position < num_test + num_validation:
                splits[image_id] = Split.VALIDATION
            else:
                splits[image_id] = Split.TRAIN
    return splits


def _sizes(count: int, config: SplitConfig) -> tuple[int, int]:
    """Return how many of a class's images validate, and how many are tested."""
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
