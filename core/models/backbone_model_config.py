"""What a user chooses before a pre-trained trunk is made a model without training."""

from dataclasses import dataclass

from core.models.backbones import find_backbone
from core.models.pooling import Pooling, find_pooling, num_features
from core.models.pretrained import IMAGENET, NO_WEIGHTS


@dataclass(frozen=True, kw_only=True, slots=True)
class BackboneModelConfig:
    """Which pre-trained trunk, and how its features become an embedding.

    Raises:
        ValueError: A value is out of range; the message names the field and the value.
    """

    dataset: str
    """Name of the dataset; the projection is fitted on its train images, on all if it has no
    splits."""

    backbone: str = "vgg16"
    """The trunk, as torchvision calls it."""

    weights: str = IMAGENET
    """imagenet (as torchvision publishes them), or a file of them."""

    pooling: Pooling = Pooling.GEM
    """What is kept of the trunk's places: gem (generalized mean), average, max, or own, which is
    VGG's 7 × 7 and the others' average."""

    dimension: int = 128
    """Length of an embedding: the principal components that are kept."""

    image_size: int = 224
    """Side of the square that the network sees, in pixels."""

    whiten: bool = False
    """Give every component the same variance (Jégou & Chum 2012)."""

    max_images: int = 4000
    """Images that the projection is fitted on, drawn at random if there are more: 31 for each of
    128 components, and of VGG-16's own 25,088 features no more than 0.4 GB."""

    seed: int = 0
    """Fixes which images are drawn, and the PCA."""

    def __post_init__(self) -> None:
        backbone = find_backbone(self.backbone)
        object.__setattr__(self, "pooling", find_pooling(self.pooling))
        if self.weights in ("", NO_WEIGHTS):
            raise ValueError(
                f"weights must be {IMAGENET} or a file, got “{self.weights}”: a random trunk "
                "knows nothing of images"
            )
        most = min(4096, num_features(backbone, self.pooling))
        for name, low, high in (
            ("dimension", 8, most),
            ("image_size", 32, 512),
            ("max_images", self.dimension + 1, 100_000),
            ("seed", 0, (1 << 32) - 1),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} must be in {low}..{high}, got {value}")
