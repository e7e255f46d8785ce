"""How a trunk's feature map becomes one row of numbers.

torch is imported only when a pooling is built: forms and command lines list them without it.
"""

from enum import StrEnum
from typing import TYPE_CHECKING

from core.models.backbones import Backbone

if TYPE_CHECKING:
    from torch import nn


class Pooling(StrEnum):
    """What is kept of each channel's places."""

    OWN = "own"
    """What the backbone has by itself: VGG averages to 7 × 7 places, the others over the image."""

    AVERAGE = "average"
    """The average over the image."""

    MAX = "max"
    """The greatest value."""

    GEM = "gem"
    """The generalized mean, between the two: of the third power (Radenović et al. 2018)."""


def find_pooling(name: str) -> Pooling:
    """Return the pooling of that name.

    Raises:
        ValueError: There is none.
    """
    if name not in list(Pooling):
        raise ValueError(f"pooling must be one of {', '.join(Pooling)}, got {name}")
    return Pooling(name)


def pooled_side(backbone: Backbone, pooling: Pooling) -> int:
    """Return to how many places a side the feature map is pooled."""
    return backbone.pooled_side if pooling == Pooling.OWN else 1


def num_features(backbone: Backbone, pooling: Pooling) -> int:
    """Return how many numbers are left of an image."""
    return backbone.channels * pooled_side(backbone, pooling) ** 2


def build_pool(backbone: Backbone, pooling: Pooling) -> "nn.Module":
    """Return the layer, which has no weights: (B, channels, height, width) in, one side out."""
    from torch import nn

    from core.models.gem import GeneralizedMean

    if pooling == Pooling.GEM:
        return GeneralizedMean()
    if pooling == Pooling.MAX:
        return nn.AdaptiveMaxPool2d(1)
    return nn.AdaptiveAvgPool2d(pooled_side(backbone, pooling))
