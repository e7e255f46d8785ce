"""Table of the torchvision backbones, each a list of layers in blocks to freeze or to train.

torch is imported only when a backbone is built, so forms and command lines list them without it.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

IMAGE_SIZES = (32, 512)
"""Smallest and largest side of the square that a network reads, in pixels."""

DIMENSIONS = (8, 4096)
"""Smallest and largest number of embedding dimensions."""

VGG_POOLED_SIDE = 7
"""VGG pools its features to 7 × 7 before its dense layers (Simonyan & Zisserman 2015)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Backbone:
    """A pre-trained network without its classifier: a sequence of layers, cut into blocks."""

    name: str
    """torchvision's name."""

    label: str
    """Name for users."""

    explanation: str
    """When to choose it, in one line."""

    block_starts: tuple[int, ...]
    """Index of each block's first layer; a block ends where the resolution drops next."""

    num_layers: int
    channels: int
    """Output channels of the last block."""

    weights_file: str
    """torchvision's IMAGENET1K_V1; the name ends in the first 8 digits of its SHA-256."""

    weights_mb: int
    """Size of that file."""

    prefix: str = "features."
    """Start of the backbone's keys in torchvision's whole network."""

    head: str = "classifier."
    """Start of the keys of the layers after the backbone there."""

    pooled_side: int = 1
    """Side of the grid that its own pooling averages to; 1 averages over the whole image."""

    @property
    def num_blocks(self) -> int:
        """Return the number of blocks."""
        return len(self.block_starts)


BACKBONES = {
    backbone.name: backbone
    for backbone in (
        Backbone(
            name="vgg16",
            label="VGG-16",
            explanation="The classic; large, and slow without a graphics card.",
            block_starts=(0, 5, 10, 17, 24),
            num_layers=31,
            channels=512,
            weights_file="vgg16-397923af.pth",
            weights_mb=528,
            pooled_side=VGG_POOLED_SIDE,
        ),
        Backbone(
            name="vgg16_bn",
            label="VGG-16-BN",
            explanation="VGG-16 with batch norm; learns from scratch, too.",
            block_starts=(0, 7, 14, 24, 34),
            num_layers=44,
            channels=512,
            weights_file="vgg16_bn-6c64b313.pth",
            weights_mb=528,
            pooled_side=VGG_POOLED_SIDE,
        ),
        Backbone(
            name="resnet18",
            label="ResNet-18",
            explanation="Small and quick, good for a first try.",
            block_starts=(0, 5, 6, 7),
            num_layers=8,
            channels=512,
            weights_file="resnet18-f37072fd.pth",
            weights_mb=45,
            prefix="",
            head="fc.",
        ),
        Backbone(
            name="resnet50",
            label="ResNet-50",
            explanation="The usual choice in retrieval papers.",
            block_starts=(0, 5, 6, 7),
            num_layers=8,
            channels=2048,
            weights_file="resnet50-0676ba61.pth",
            weights_mb=98,
            prefix="",
            head="fc.",
        ),
        Backbone(
            name="mobilenet_v3_large",
            label="MobileNet-V3 large",
            explanation="The quickest here: a seventieth of VGG-16's work.",
            block_starts=(0, 2, 4, 7, 13),
            num_layers=17,
            channels=960,
            weights_file="mobilenet_v3_large-8738ca79.pth",
            weights_mb=21,
        ),
        Backbone(
            name="efficientnet_b0",
            label="EfficientNet-B0",
            explanation="Small and accurate; wants memory while it trains.",
            block_starts=(0, 2, 3, 4, 6),
            num_layers=9,
            channels=1280,
            weights_file="efficientnet_b0_rwightman-7f5810bc.pth",
            weights_mb=20,
        ),
        Backbone(
            name="convnext_tiny",
            label="ConvNeXt-Tiny",
            explanation="The most accurate on ImageNet; a third of VGG-16's work.",
            block_starts=(0, 2, 4, 6),
            num_layers=8,
            channels=768,
            weights_file="convnext_tiny-983f1562.pth",
            weights_mb=109,
        ),
    )
}
"""Name → backbone. The tests compare each with torchvision's own network; work and accuracy are
those of torchvision's documentation."""


def build_backbone(backbone: Backbone) -> "nn.Sequential":
    """Build the backbone's layers with random weights, named as in torchvision without `prefix`."""
    from torch import nn

    from core.models.vision import models

    whole: nn.Module = getattr(models, backbone.name)(weights=None)
    layers = whole.get_submodule(backbone.prefix.rstrip(".")).named_children()
    return nn.Sequential(OrderedDict(list(layers)[: backbone.num_layers]))


def boundary(backbone: Backbone, trainable_blocks: int) -> int:
    """Return the index of the first trainable layer, with blocks counted from the top.

    Raises:
        ValueError: The backbone has fewer blocks.
    """
    count = backbone.num_blocks
    if not 0 <= trainable_blocks <= count:
        raise ValueError(f"trainable_blocks must be in 0..{count}, got {trainable_blocks}")
    return (*backbone.block_starts, backbone.num_layers)[count - trainable_blocks]
