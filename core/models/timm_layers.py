"""Layers of a timm model before its pooling, as a sequence that can be cut into blocks.

The PyTorch export contains a copy of this file, so it imports nothing but torch and timm.

Shapes, in this file: B images, S pixels a side, K channels, H × W positions.
"""

from typing import Any

import timm
import torch
from torch import Tensor, nn

SEQUENCES = {
    "EfficientNet": ("conv_stem", "bn1", "blocks", "conv_head", "bn2"),
    "MobileNetV3": ("conv_stem", "bn1", "blocks"),
    "ResNet": ("conv1", "bn1", "act1", "maxpool", "layer1", "layer2", "layer3", "layer4"),
    "ConvNeXt": ("stem", "stages", "norm_pre"),
    "ByobNet": ("stem", "stages", "final_conv"),
    "FastVit": ("stem", "stages", "final_conv"),
}
"""Class in timm → its layers before the pooling, in order."""

STAGES = ("blocks", "stages")
"""Layers that are sequences themselves, taken apart."""


class PatchEmbedding(nn.Module):
    """From (B, 3, S, S) images to the tokens of a vision transformer."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.patch_embed: Any = model.patch_embed
        self.norm_pre: Any = model.norm_pre
        self.cls_token: Tensor | None = model.cls_token
        self.reg_token: Tensor | None = model.reg_token
        self.pos_embed: Tensor | None = model.pos_embed
        self.no_embed_class: bool = model.no_embed_class

    def forward(self, pixels: Tensor) -> Tensor:
        """Return (B, tokens, K): those of the model's own first, then one for each position."""
        tokens: Tensor = self.patch_embed(pixels)
        if tokens.ndim == 4:  # (B, H, W, K), of a model for any image size
            tokens = tokens.flatten(1, 2)
        own = [
            token.expand(tokens.shape[0], -1, -1)  # `len` would be a constant in ONNX
            for token in (self.cls_token, self.reg_token)
            if token is not None
        ]
        if self.pos_embed is not None and self.no_embed_class:
            tokens = tokens + self.pos_embed
        tokens = torch.cat([*own, tokens], dim=1)
        if self.pos_embed is not None and not self.no_embed_class:
            tokens = tokens + self.pos_embed
        normalized: Tensor = self.norm_pre(tokens)
        return normalized


class FeatureMap(nn.Module):
    """From the tokens of a vision transformer to (B, K, H, W), without the model's own tokens."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.norm: Any = model.norm
        self.num_prefix_tokens = model.num_prefix_tokens
        self.grid_size = tuple(model.patch_embed.grid_size)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the last feature map."""
        patches: Tensor = self.norm(tokens)[:, self.num_prefix_tokens :]
        feature_map: Tensor = patches.transpose(1, 2).unflatten(2, self.grid_size)
        return feature_map


class WholeModel(nn.Module):
    """A model that cannot be cut: from (B, 3, S, S) images to its last (B, K, H, W)."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model: Any = model

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the last feature map."""
        last: list[Tensor] = self.model.forward_intermediates(
            pixels, indices=1, norm=True, output_fmt="NCHW", intermediates_only=True
        )
        return last[-1]


def build_model(name: str, image_size: int) -> Any:
    """Build a timm model with random weights and without a classifier."""
    try:
        return timm.create_model(name, num_classes=0, img_size=image_size)
    except TypeError:  # Networks of convolutions take images of any size
        return timm.create_model(name, num_classes=0)


def split_layers(model: Any) -> list[nn.Module]:
    """Return the layers of a timm model from its input to its last feature map."""
    kind = type(model).__name__
    if kind in SEQUENCES:
        layers: list[nn.Module] = []
        for name in SEQUENCES[kind]:
            layer = getattr(model, name)
            layers += layer if name in STAGES else [layer]
        return layers
    if kind == "VisionTransformer" and not model.pos_drop.p:
        return [PatchEmbedding(model), *model.blocks, FeatureMap(model)]
    return [WholeModel(model)]
