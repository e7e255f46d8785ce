"""Settings of a baseline evaluation."""

from dataclasses import dataclass
from enum import StrEnum

from core.evaluation.config import EXACT_RANKS, Protocol
from core.models.backbones import BACKBONES, IMAGE_SIZES
from core.models.pretrained import IMAGENET, NO_WEIGHTS
from core.options import bounded, one_of


class Baseline(StrEnum):
    """A simple system to compare a model with."""

    COLOR = "color"
    """Color histograms, without learning."""

    BACKBONE = "backbone"
    """The pooled features of a pre-trained backbone, without training. 25,088 numbers an image for
    VGG-16."""

    PLAIN = "plain"
    """The plain preset: a 128-d embedding and a classifier trained on the frozen backbone."""


BASELINE_NAMES = {
    Baseline.COLOR: "color histogram",
    Baseline.BACKBONE: "backbone features",
    Baseline.PLAIN: "plain preset",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class BaselineConfig(Protocol):
    """Evaluation of a baseline.

    Raises:
        ValueError: A value is invalid; the message names the field and the value.
    """

    dataset: str
    """Name of the dataset."""

    baseline: Baseline
    """color (histograms), backbone (pre-trained features) or plain (the plain preset)."""

    backbone: str = one_of("vgg16", BACKBONES)
    """Name of the backbone in torchvision, for backbone and plain."""

    weights: str = IMAGENET
    """Weights of the backbone: imagenet (torchvision's) or a file."""

    image_size: int = bounded(224, *IMAGE_SIZES)
    """Image size of the backbone, in pixels."""

    def __post_init__(self) -> None:
        Protocol.__post_init__(self)
        if self.baseline not in list(Baseline):
            raise ValueError(f"baseline must be one of {', '.join(Baseline)}, got {self.baseline}")
        object.__setattr__(self, "baseline", Baseline(self.baseline))
        if self.baseline != Baseline.COLOR and self.weights in ("", NO_WEIGHTS):
            raise ValueError(
                f"weights must be {IMAGENET} or a file for this baseline, got “{self.weights}”"
            )

    @property
    def ranks(self) -> tuple[int, ...]:
        """The ranks k to measure at, ascending."""
        return self.ranks_or(EXACT_RANKS)
