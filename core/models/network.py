"""The embedding network: a backbone whose lower blocks may be frozen, and a head on top.

The head pools the backbone's features and turns them into an embedding and class scores. To change
it, edit this file and the same layers in `export_script.py`.

Shapes, in this file: B images, S pixels a side, D embedding dimensions, C classes.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.images.squares import FITS, INTERPOLATIONS
from core.models.backbone_layers import build_backbone
from core.models.backbones import (
    BACKBONES,
    DIMENSIONS,
    IMAGE_SIZES,
    boundary,
    check_image_size,
    find_backbone,
)
from core.models.pooling import Pooling, build_pool, num_features
from core.models.preprocessing import Preprocessing
from core.options import bounded, check_fields, one_of, suggested

LOGIT_SCALE = 16.0
"""Scale of embeddings before the classifier. The products of unit embeddings and unit class weights
lie within ±1, too flat for a softmax (NormFace, Wang et al. 2017)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkConfig:
    """Everything that the network is built from, besides its weights.

    Raises:
        ValueError: A value is out of range; the message names the field and the value.
    """

    backbone: str = suggested("vgg16", BACKBONES)
    """Pre-trained network: a name of `BACKBONES`, or of timm."""

    trainable_blocks: int = 1
    """Trainable blocks of the backbone, counted from the top; 1 is conv5_1 to conv5_3 of VGG."""

    dimension: int = bounded(128, *DIMENSIONS)
    """D, the number of embedding dimensions."""

    batch_norm: bool = True
    """Normalize embeddings over the batch before they are scaled to unit length."""

    num_classes: int = 0
    """C, the classes of the classifier; 0 for a network that only embeds."""

    image_size: int = bounded(224, *IMAGE_SIZES)
    """S, the side of the square that the network sees, in pixels."""

    pooling: str = one_of(Pooling.OWN.value, tuple(Pooling))
    """Pooling of the backbone's features; models of before there was a choice lack it."""

    mean: tuple[float, ...] = ()
    """Mean of the images' red, green and blue in [0, 1]; () for the backbone's, which the manifests
    of release 0.1.0 lack, as those of the deviation and the interpolation."""

    deviation: tuple[float, ...] = ()
    """Their deviation; () for the backbone's."""

    interpolation: str = one_of("", ("", *INTERPOLATIONS))
    """How images are scaled; "" for the backbone's way."""

    fit: str = one_of("", ("", *FITS))
    """How images become squares; "" for the backbone's way."""

    dropout: float = bounded(0.0, 0, 0.9)
    """Share of the pooled features that each training step leaves out."""

    def __post_init__(self) -> None:
        check_fields(self)
        backbone = find_backbone(self.backbone)
        boundary(backbone, self.trainable_blocks)
        check_image_size(backbone, self.image_size)
        for name in ("mean", "deviation", "interpolation", "fit"):
            value = getattr(self, name) or getattr(backbone, name)
            object.__setattr__(self, name, value if isinstance(value, str) else tuple(value))
        if not (len(self.mean) == len(self.deviation) == 3 and min(self.deviation) > 0):
            raise ValueError(
                "mean and deviation must be three numbers each, the deviation's above 0, "
                f"got {self.mean} and {self.deviation}"
            )

    @property
    def preprocessing(self) -> Preprocessing:
        """Return how images become the network's input."""
        return Preprocessing(
            image_size=self.image_size,
            mean=self.mean,
            deviation=self.deviation,
            interpolation=self.interpolation,
            fit=self.fit,
        )


def current_keys(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights by today's layer names; in release 0.1.0 one was `normalise`."""
    return {key.replace("normalise.", "normalize."): value for key, value in weights.items()}


class NoClasses(nn.Module):
    """Stand-in for a classifier in a network that only embeds."""

    def forward(self, unit: Tensor) -> Tensor:
        """Return (B, 0) scores of (B, D) embeddings."""
        return unit[:, :0]


class EmbeddingNetwork(nn.Module):
    """Images to unit embeddings and class scores.

    The `frozen` blocks never change during training, so that their output can be cached;
    `embed_features` computes the rest.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        backbone = find_backbone(config.backbone)
        cut = boundary(backbone, config.trainable_blocks)
        layers = list(build_backbone(backbone, config.image_size).named_children())
        self.frozen = nn.Sequential(OrderedDict(layers[:cut]))
        self.tail = nn.Sequential(OrderedDict(layers[cut:]))
        self.pool = build_pool(backbone, config.pooling)
        self.dropout = nn.Dropout(config.dropout)
        features = num_features(backbone, config.pooling)
        self.project = nn.Linear(features, config.dimension, bias=not config.batch_norm)
        self.normalize: nn.Module = (
            nn.BatchNorm1d(config.dimension) if config.batch_norm else nn.Identity()
        )
        self.classifier: nn.Module = (
            nn.Linear(config.dimension, config.num_classes) if config.num_classes else NoClasses()
        )
        self.frozen.requires_grad_(False).eval()  # Its batch norms keep their statistics
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def load_backbone(self, weights: dict[str, Tensor]) -> None:
        """Load the whole backbone's weights, keyed as `build_backbone` names them."""
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
        """Set dropout and batch norms to training or evaluation mode, except in frozen blocks."""
        super().train(mode)
        self.frozen.eval()
        return self

    @property
    def trainable_parts(self) -> dict[str, nn.Module]:
        """Return every part but the frozen blocks, by name."""
        return {name: part for name, part in self.named_children() if part is not self.frozen}

    def trainable_parameters(self) -> Iterable[nn.Parameter]:
        """Return the parameters that training changes."""
        return (parameter for parameter in self.parameters() if parameter.requires_grad)

    def extract_frozen(self, pixels: Tensor) -> Tensor:
        """Compute what training never changes, from (B, 3, S, S) normalized images.

        It is the output of the frozen blocks, and pooled if all of the backbone is frozen: pooling
        again changes nothing, and a pooled map is a fiftieth of its size.
        """
        features: Tensor = self.frozen(pixels)
        return features if len(self.tail) else self.pool(features)

    def extract_features(self, pixels: Tensor) -> Tensor:
        """Compute the backbone's features of (B, 3, S, S) normalized images."""
        features: Tensor = self.tail(self.frozen(pixels))
        return features

    def embed_features(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the network's output from that of the frozen blocks.

        Returns:
            (B, D) embeddings of unit length and (B, C) class scores before the softmax.
        """
        return self.head(self.tail(features))

    def head(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the network's output from the backbone's features; see `embed_features`."""
        unit = functional.normalize(self.embed(features))
        return unit, self.classifier(LOGIT_SCALE * unit)

    def embed(self, features: Tensor) -> Tensor:
        """Compute (B, D) embeddings, not of unit length yet, from the backbone's features."""
        pooled = self.dropout(self.pooled(features))
        embeddings: Tensor = self.normalize(self.project(pooled))
        return embeddings

    def pooled(self, features: Tensor) -> Tensor:
        """Pool the backbone's features: (B, F), the input of the projection."""
        pooled: Tensor = self.pool(features).flatten(1)
        return pooled

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Embed and classify (B, 3, S, S) normalized images; see `embed_features`."""
        return self.head(self.extract_features(pixels))


POWER = 3.0
"""The paper's: 1 is the average, and higher powers come nearer to the maximum."""

MIN_VALUE = 1e-6
"""Lower clamp, for negative values too, whose powers have no mean."""


class GeneralizedMean(nn.Module):
    """The third root of the mean third power of each channel (Radenović et al. 2018)."""

    def forward(self, features: Tensor) -> Tensor:
        """Pool (B, K, height, width) to (B, K, 1, 1), in float32 or better."""
        # Third powers need more digits than bfloat16 has
        exact = features.to(torch.promote_types(features.dtype, torch.float32))
        powers = exact.clamp(min=MIN_VALUE).pow(POWER)
        return powers.mean(dim=(-2, -1), keepdim=True).pow(1 / POWER)
