"""Settings of an evaluation: query and gallery split, ranks, bootstrap, baseline."""

from dataclasses import dataclass
from enum import StrEnum

from core.datasets.columns import Split
from core.indexes.store import MAX_MATCHES
from core.models.backbones import BACKBONES, IMAGE_SIZES
from core.models.pretrained import NO_WEIGHTS, PRETRAINED, current_weights
from core.options import bounded, check_fields, one_of, suggested

QUERIES, CLASSES, CONFUSION = "queries.csv", "classes.csv", "confusion.csv"
"""Files of an evaluation: a row a query, a row a class, and a row a pair of query class and
retrieved class."""

CONFUSED_RANKS = 10
"""Ranks that the confusion of classes counts."""

ALWAYS = (1, 5, 10)
"""Ranks of every evaluation, so that any two can be compared."""

EXACT_RANKS = (*ALWAYS, 2, 20, 50, 100)
INDEX_RANKS = (*ALWAYS, 2)
"""Default ranks through an index; a search for more ranks than usual would also be more exact."""


class Gallery(StrEnum):
    """Splits whose images are searched."""

    TRAIN = "train"
    """The train split."""

    TRAIN_AND_VALIDATION = "train+validation"
    """The train and validation splits."""

    @property
    def splits(self) -> tuple[Split, ...]:
        """The splits of the gallery."""
        return (Split.TRAIN,) if self == Gallery.TRAIN else (Split.TRAIN, Split.VALIDATION)


@dataclass(frozen=True, kw_only=True, slots=True)
class Protocol:
    """Protocol of an evaluation.

    Raises:
        ValueError: A value is invalid; the message names the field and the value.
    """

    queries: str = one_of(Split.TEST, (Split.TEST, Split.VALIDATION))
    """Query split."""

    gallery: Gallery = Gallery.TRAIN
    """Gallery split: train or train+validation."""

    ks: str = ""
    """Ranks k to measure at, such as 1,10,100, besides 1, 5 and 10. By default up to 100 by exact
    search and up to 10 through an index."""

    replicates: int = bounded(1000, 0, 100_000)
    """Bootstrap samples of each 95 % CI; 0 for no intervals."""

    seed: int = bounded(0, 0, (1 << 32) - 1)
    """Random seed of the bootstrap."""

    def __post_init__(self) -> None:
        check_fields(self)
        self.ranks_or(ALWAYS)

    def ranks_or(self, default: tuple[int, ...]) -> tuple[int, ...]:
        """Return the ranks k to measure at, ascending; `default` if none are given."""
        try:
            given = {int(k) for k in self.ks.split(",") if k.strip()}
        except ValueError as error:
            raise ValueError(f"ks must be numbers separated by commas, got {self.ks}") from error
        if any(not 1 <= k <= MAX_MATCHES for k in given):
            raise ValueError(f"ks must be in 1..{MAX_MATCHES}, got {self.ks}")
        return tuple(sorted({*ALWAYS, *(given or default)}))


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluateConfig(Protocol):
    """Evaluation of embeddings by exact search, or of an index by its own search.

    Raises:
        ValueError: Neither or both are given, or a value is invalid.
    """

    index: str = ""
    """Id of the index to evaluate."""

    embeddings: str = ""
    """Id of the embeddings to evaluate by exact search."""

    exact: bool = False
    """Also measure exact search, and the recall of the index vs. exact search."""

    def __post_init__(self) -> None:
        Protocol.__post_init__(self)
        if bool(self.index) == bool(self.embeddings):
            raise ValueError("give the id of either an index or embeddings to evaluate")
        if self.exact and not self.index:
            raise ValueError("exact needs an index: embeddings are always searched exactly")

    @property
    def ranks(self) -> tuple[int, ...]:
        """The ranks k to measure at, ascending."""
        return self.ranks_or(INDEX_RANKS if self.index else EXACT_RANKS)


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

    backbone: str = suggested("vgg16", BACKBONES)
    """Name of the backbone, for backbone and plain."""

    weights: str = PRETRAINED
    """Weights of the backbone: pretrained (published) or a file."""

    image_size: int = bounded(224, *IMAGE_SIZES)
    """Image size of the backbone, in pixels."""

    def __post_init__(self) -> None:
        Protocol.__post_init__(self)
        object.__setattr__(self, "weights", current_weights(self.weights))
        if self.baseline != Baseline.COLOR and self.weights in ("", NO_WEIGHTS):
            raise ValueError(
                f"weights must be {PRETRAINED} or a file for this baseline, got “{self.weights}”"
            )

    @property
    def ranks(self) -> tuple[int, ...]:
        """The ranks k to measure at, ascending."""
        return self.ranks_or(EXACT_RANKS)
