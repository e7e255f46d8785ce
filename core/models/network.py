"""The network: a trunk whose lower part may be frozen, then a 128-d embedding and a classifier.

Shapes, in this file: B images, S pixels a side, D embedding dimensions, C classes.
This is the place to tweak the model.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.models.backbones import boundary, build_backbone, find_backbone
from core.models.pooling import build_pool, find_pooling, num_features

LOGIT_SCALE = 16.0
"""Unit embeddings times a unit-length class weight stay within ±1, too flat for a softmax; scaled
they can be sure of a class (NormFace, Wang et al. 2017)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkConfig:
    """All that is needed to build the network without its weights."""

    backbone: str = "vgg16"
    """The trunk, as torchvision calls it."""

    trainable_blocks: int = 1
    """Blocks of the trunk that train, counted from the top; 1 is conv5_1 to conv5_3."""

    dimension: int = 128
    """D, the length of an embedding."""

    batch_norm: bool = True
    """Normalize embeddings over the batch before they are scaled to unit length."""

    num_classes: int = 0
    """C, the categories of the classifier; 0 for a network that only embeds."""

    image_size: int = 224
    """S, the side of the square that the network sees, in pixels."""

    pooling: str = "own"
    """How the trunk's features are pooled; models from before there was a choice do not say."""

    def __post_init__(self) -> None:
        find_pooling(self.pooling)
        boundary(find_backbone(self.backbone), self.trainable_blocks)
        if not 8 <= self.dimension <= 4096:
            raise ValueError(f"dimension must be in 8..4096, got {self.dimension}")
        if not 32 <= self.image_size <= 512:
            raise ValueError(f"image_size must be in 32..512, got {self.image_size}")


def current_keys(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights keyed as `EmbeddingNetwork` names its layers now; 0.1.0 said `normalise`."""
    return {key.replace("normalise.", "normalize."): value for key, value in weights.items()}


class NoClasses(nn.Module):
    """In place of a classifier: no scores."""

    def forward(self, unit: Tensor) -> Tensor:
        """Turn (B, D) embeddings into (B, 0) scores."""
        return unit[:, :0]


class EmbeddingNetwork(nn.Module):
    """Images to unit embeddings and class scores, in two steps that can be run apart.

    `frozen` never changes during training, so its output can be kept; `embed_features` goes on
    from there.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        backbone = find_backbone(config.backbone)
        network = build_backbone(backbone)
        cut = boundary(backbone, config.trainable_blocks)
        layers = list(network.named_children())
        self.frozen = nn.Sequential(OrderedDict(layers[:cut]))
        self.tail = nn.Sequential(OrderedDict(layers[cut:]))
        pooling = find_pooling(config.pooling)
        self.pool = build_pool(backbone, pooling)
        features = num_features(backbone, pooling)
        self.project = nn.Linear(features, config.dimension, bias=not config.batch_norm)
        self.normalize: nn.Module = (
            nn.BatchNorm1d(config.dimension) if config.batch_norm else nn.Identity()
        )
        self.classifier: nn.Module = (
            nn.Linear(config.dimension, config.num_classes) if config.num_classes else NoClasses()
        )
        self.frozen.requires_grad_(False).eval()  # Its batch norms keep what they know, always
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def load_backbone(self, weights: dict[str, Tensor]) -> None:
        """Take over a whole trunk's weights, keyed as `backbones.build_backbone` names them."""
        in_frozen = {name for name, _ in self.frozen.named_children()}
        for part, is_frozen in ((self.frozen, True), (self.tail, False)):
            part.load_state_dict(
                {
                    key: value
                    for key, value in weights.items()
                    if (key.split(".", 1)[0] in in_frozen) == is_frozen
                }
            )

    def train(self, mode: bool = True) -> "EmbeddingNetwork":
        """Switch dropout and batch norms to training, except in the frozen part."""
        super().train(mode)
        self.frozen.eval()
        return self

    def trainable_parameters(self) -> Iterable[nn.Parameter]:
        """Return the parameters that training changes."""
        return (parameter for parameter in self.parameters() if parameter.requires_grad)

    def embed_features(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Go on from the frozen part's output.

        Returns:
            (B, D) embeddings of unit length and (B, C) class scores before the softmax.
        """
        return self.head(self.tail(features))

    def head(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Go on from the whole trunk's output; returns as `embed_features`."""
        unit = functional.normalize(self.normalize(self.project(self.pooled(features))))
        return unit, self.classifier(LOGIT_SCALE * unit)

    def pooled(self, features: Tensor) -> Tensor:
        """Pool the whole trunk's output: (B, features)."""
        pooled: Tensor = self.pool(features).flatten(1)
        return pooled

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Embed and classify (B, 3, S, S) normalized images; returns as `embed_features`."""
        return self.embed_features(self.frozen(pixels))
