"""The trunks that can be fine-tuned, each as a list of blocks to freeze or train.

torch is imported only when a trunk is built: forms and command lines list backbones without it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.errors import WorkbenchError

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, kw_only=True, slots=True)
class Backbone:
    """A torchvision trunk: a sequence of layers, cut into blocks."""

    name: str
    """As torchvision calls it."""

    block_starts: tuple[int, ...]
    """Index of each block's first layer; VGG's blocks begin with a convolution and end with a
    pooling."""

    num_layers: int
    """How many layers it has in all."""

    channels: int
    """Feature channels that the last block puts out."""


BACKBONES = {
    backbone.name: backbone
    for backbone in (
        Backbone(name="vgg16", block_starts=(0, 5, 10, 17, 24), num_layers=31, channels=512),
        Backbone(name="vgg16_bn", block_starts=(0, 7, 14, 24, 34), num_layers=44, channels=512),
    )
}


def find_backbone(name: str) -> Backbone:
    """Return the backbone of that name.

    Raises:
        WorkbenchError: It is none of the tested ones; the sentence lists them.
    """
    try:
        return BACKBONES[name]
    except KeyError as error:
        raise WorkbenchError(
            f"There is no backbone “{name}”.", f"Choose one of {', '.join(BACKBONES)}."
        ) from error


def build_trunk(backbone: Backbone) -> "nn.Sequential":
    """Return the backbone's convolutional layers with fresh random weights."""
    from core.embedder.vision import models

    trunk: nn.Sequential = getattr(models, backbone.name)(weights=None).features
    return trunk


def boundary(backbone: Backbone, trainable_blocks: int) -> int:
    """Return the index of the first layer that trains, with blocks counted from the top.

    Raises:
        ValueError: The backbone has fewer blocks.
    """
    count = len(backbone.block_starts)
    if not 0 <= trainable_blocks <= count:
        raise ValueError(f"trainable_blocks must be in 0..{count}, got {trainable_blocks}")
    return (*backbone.block_starts, backbone.num_layers)[count - trainable_blocks]
