"""Which baseline is to be evaluated, frozen once chosen."""

from dataclasses import dataclass
from enum import StrEnum

from core.evaluation.config import EXACT_RANKS, Protocol
from core.models.backbones import find_backbone
from core.models.pretrained import IMAGENET, NO_WEIGHTS


class Baseline(StrEnum):
    """What a model of one's own is held against."""

    COLOR = "color"
    """A histogram of each image's colors: no learning at all."""

    BACKBONE = "backbone"
    """The pooled features of a pre-trained trunk, all of them and as they are: no training on these
    images. 25,088 numbers an image for VGG-16."""

    PLAIN = "plain"
    """The plain recipe: that trunk frozen, a 128-d embedding and a classifier trained on top."""


BASELINE_NAMES = {
    Baseline.COLOR: "color histogram",
    Baseline.BACKBONE: "raw trunk",
    Baseline.PLAIN: "plain recipe",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class BaselineConfig(Protocol):
    """Which baseline, and by which protocol.

    Raises:
        ValueError: A value is out of range; the message names the field and the value.
    """

    dataset: str
    """Name of the dataset."""

    baseline: Baseline
    """color (a histogram), trunk (raw pre-trained features), or plain (the plain recipe)."""

    backbone: str = "vgg16"
    """The trunk of the latter two, as torchvision calls it."""

    weights: str = IMAGENET
    """Its weights: imagenet (as torchvision publishes them), or a file of them."""

    image_size: int = 224
    """Side of the square that the trunk sees, in pixels."""

    def __post_init__(self) -> None:
        Protocol.__post_init__(self)
        if self.baseline not in list(Baseline):
            raise ValueError(f"baseline must be one of {', '.join(Baseline)}, got {self.baseline}")
        object.__setattr__(self, "baseline", Baseline(self.baseline))
        find_backbone(self.backbone)
        if self.baseline != Baseline.COLOR and self.weights in ("", NO_WEIGHTS):
            raise ValueError(
                f"weights must be {IMAGENET} or a file for this baseline, got “{self.weights}”"
            )
        if not 32 <= self.image_size <= 512:
            raise ValueError(f"image_size must be in 32..512, got {self.image_size}")

    @property
    def ranks(self) -> tuple[int, ...]:
        """Each k that is measured at, ascending."""
        return self.ranks_or(EXACT_RANKS)
