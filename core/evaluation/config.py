"""Settings of an evaluation: query and gallery split, ranks, bootstrap."""

from dataclasses import dataclass
from enum import StrEnum

from core.datasets.columns import Split
from core.indexes.store import MAX_MATCHES
from core.options import bounded, check_fields, one_of

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
        if self.gallery not in list(Gallery):
            raise ValueError(f"gallery must be one of {', '.join(Gallery)}, got {self.gallery}")
        object.__setattr__(self, "gallery", Gallery(self.gallery))
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
