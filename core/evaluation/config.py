"""What a user chooses before an evaluation, frozen once chosen."""

from dataclasses import dataclass
from enum import StrEnum

from core.datasets.columns import Split
from core.indexes.store import MAX_MATCHES

QUERIES, CLASSES, CONFUSION = "queries.csv", "classes.csv", "confusion.csv"
"""The files of an evaluation: a row for each query, for each category, and for each pair of a
category and one that its queries found."""

CONFUSED_RANKS = 10
"""Ranks that the confusion of classes counts."""

ALWAYS = (1, 5, 10)
"""Ranks that every evaluation measures at, so that any two can be compared."""

EXACT_RANKS = (*ALWAYS, 2, 20, 50, 100)
INDEX_RANKS = (*ALWAYS, 2)
"""An index that is asked for more than it is used for looks further than it does then."""


class Gallery(StrEnum):
    """Which images the queries may find."""

    TRAIN = "train"
    """The train images."""

    TRAIN_AND_VALIDATION = "train+validation"
    """Those of both splits."""

    @property
    def splits(self) -> tuple[Split, ...]:
        """The splits that it consists of."""
        return (Split.TRAIN,) if self == Gallery.TRAIN else (Split.TRAIN, Split.VALIDATION)


@dataclass(frozen=True, kw_only=True, slots=True)
class Protocol:
    """Who asks, who may be found, and what is measured.

    Raises:
        ValueError: A value is out of range; the message names the field and the value.
    """

    queries: str = Split.TEST
    """The split whose images are the queries: test or validation."""

    gallery: Gallery = Gallery.TRAIN
    """The images that may be found: train, or train+validation."""

    ks: str = ""
    """Ranks to measure at, such as 1,10,100; 1, 5 and 10 always are. By default also 2, 20, 50 and
    100 by exact search, and no more than 10 through an index."""

    replicates: int = 1000
    """Bootstrap replicates behind each 95 % interval; 0 for none."""

    seed: int = 0
    """Fixes what the bootstrap draws."""

    def __post_init__(self) -> None:
        if self.queries not in (Split.TEST, Split.VALIDATION):
            raise ValueError(f"queries must be test or validation, got {self.queries}")
        if self.gallery not in list(Gallery):
            raise ValueError(f"gallery must be one of {', '.join(Gallery)}, got {self.gallery}")
        object.__setattr__(self, "gallery", Gallery(self.gallery))
        if not 0 <= self.replicates <= 100_000:
            raise ValueError(f"replicates must be in 0..100000, got {self.replicates}")
        if not 0 <= self.seed < 1 << 32:
            raise ValueError(f"seed must be in 0..{(1 << 32) - 1}, got {self.seed}")
        self.ranks_or(ALWAYS)

    def ranks_or(self, usual: tuple[int, ...]) -> tuple[int, ...]:
        """Return each k that is measured at, ascending; `usual` where none is named."""
        try:
            named = {int(k) for k in self.ks.split(",") if k.strip()}
        except ValueError as error:
            raise ValueError(f"ks must be numbers with commas between, got {self.ks}") from error
        if any(not 1 <= k <= MAX_MATCHES for k in named):
            raise ValueError(f"ks must be in 1..{MAX_MATCHES}, got {self.ks}")
        return tuple(sorted({*ALWAYS, *(named or usual)}))


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluateConfig(Protocol):
    """What to evaluate: embeddings, by exact search, or an index, by its own.

    Raises:
        ValueError: Neither or both are named, or a value is out of range.
    """

    index: str = ""
    """Id of the index to search, as it searches."""

    embeddings: str = ""
    """Id of the embeddings to search exactly."""

    exact: bool = False
    """Also search exactly, and report how far the index agrees (neighbor recall)."""

    def __post_init__(self) -> None:
        Protocol.__post_init__(self)
        if bool(self.index) == bool(self.embeddings):
            raise ValueError("name either an index or embeddings to evaluate, with an id")
        if self.exact and not self.index:
            raise ValueError("exact goes with an index: embeddings are always searched exactly")

    @property
    def ranks(self) -> tuple[int, ...]:
        """Each k that is measured at, ascending."""
        return self.ranks_or(INDEX_RANKS if self.index else EXACT_RANKS)
