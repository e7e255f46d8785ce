"""Pooling of a backbone's feature map to one feature vector.

torch is imported only when a pooling is built, so forms and command lines list them without it.
"""

from enum import StrEnum
from typing import TYPE_CHECKING

from core.models.backbone import Backbone

if TYPE_CHECKING:
    from torch import nn


class Pooling(StrEnum):
    """What each channel of the feature map is reduced to."""

    OWN = "own"
    """The backbone's own pooling: VGG averages to 7 × 7, the others over the whole image."""

    AVERAGE = "average"
    """The average over the image."""

    MAX = "max"
    """The maximum."""

    GEM = "gem"
    """The generalized mean with power 3, between average and maximum (Radenović et al. 2018)."""


def pooled_side(backbone: Backbone, pooling: str) -> int:
    """Return the side of the grid that the feature map is pooled to."""
    return backbone.pooled_side if pooling == Pooling.OWN else 1


def num_features(backbone: Backbone, pooling: str) -> int:
    """Return the number of pooled features of an image."""
    return int(backbone.channels * pooled_side(backbone, pooling) ** 2)


def build_pool(backbone: Backbone, pooling: str) -> "nn.Module":
    """Build the layer, which has no weights: (B, channels, height, width) → (B, channels, s, s)."""
    from torch import nn

    from core.models.network import GeneralizedMean

    if pooling == Pooling.GEM:
        return GeneralizedMean()
    if pooling == Pooling.MAX:
        return nn.AdaptiveMaxPool2d(1)
    return nn.AdaptiveAvgPool2d(pooled_side(backbone, pooling))
