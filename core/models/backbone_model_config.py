"""Settings of a backbone model: a pre-trained backbone with a PCA, without training."""

from dataclasses import dataclass
from typing import Any

from core.models.backbones import (
    BACKBONES,
    DIMENSIONS,
    IMAGE_SIZES,
    check_image_size,
    find_backbone,
)
from core.models.pooling import Pooling, num_features
from core.models.pretrained import NO_WEIGHTS, PRETRAINED, current_weights
from core.options import bounded, check_fields, default_of, one_of, suggested


@dataclass(frozen=True, kw_only=True, slots=True)
class BackboneModelConfig:
    """Which pre-trained backbone, and how its features become an embedding.

    Raises:
        ValueError: A value is out of range; the message names the field and the value.
    """

    dataset: str
    """Dataset whose train images the PCA is fitted on; all images if it has no splits."""

    backbone: str = suggested("vgg16", BACKBONES)
    """Pre-trained network; any model of timm, by its name there."""

    weights: str = PRETRAINED
    """pretrained (published), or the path of a weights file."""

    pooling: str = one_of(Pooling.GEM.value, tuple(Pooling))
    """Pooling of the feature map: gem (generalized mean), average, max, or own (7 × 7 for VGG, the
    average for the others)."""

    dimension: int = bounded(128, *DIMENSIONS)
    """Embedding dimensions: the number of principal components."""

    image_size: int = bounded(224, *IMAGE_SIZES)
    """Side of the square that the network sees, in pixels."""

    whiten: bool = False
    """Scale every component to the same variance (Jégou & Chum 2012)."""

    # 4000 are 31 images for each of 128 components, and of VGG-16's own 25,088 features 0.4 GB
    max_images: int = bounded(4000, DIMENSIONS[0] + 1, 100_000)
    """Most images that the PCA is fitted on; a random sample if there are more."""

    seed: int = bounded(0, 0, (1 << 32) - 1)
    """Seed of the sample and of the PCA."""

    def __post_init__(self) -> None:
        check_fields(self)
        object.__setattr__(self, "weights", current_weights(self.weights))
        check_image_size(find_backbone(self.backbone), self.image_size)
        if self.weights in ("", NO_WEIGHTS):
            raise ValueError(
                f"weights must be {PRETRAINED} or a file, got “{self.weights}”: a random backbone "
                "gives no useful features"
            )
        features = num_features(find_backbone(self.backbone), self.pooling)
        if self.dimension > features:
            raise ValueError(
                f"dimension must be in {DIMENSIONS[0]}..{features} for {self.backbone}, "
                f"got {self.dimension}"
            )
        if self.max_images <= self.dimension:
            raise ValueError(
                f"max_images must be greater than dimension ({self.dimension}), "
                f"got {self.max_images}"
            )


def fitted_config(**settings: Any) -> BackboneModelConfig:
    """Return a config of these settings, with a dimension and an image size that fit the backbone.

    Raises:
        ValueError: A given value is out of range.
    """
    defaults = {
        name: default_of(BackboneModelConfig, name)
        for name in ("backbone", "pooling", "dimension", "image_size")
    }
    values = defaults | settings
    backbone = find_backbone(values["backbone"])
    fitting = {"image_size": backbone.nearest_size(values["image_size"])}
    if values["pooling"] in tuple(Pooling):
        features = num_features(backbone, values["pooling"])
        fitting["dimension"] = min(features, values["dimension"])
    return BackboneModelConfig(**(fitting | settings))
