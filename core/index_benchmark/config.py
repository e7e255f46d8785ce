"""What a user chooses before indexes are compared or one is advised, frozen once chosen."""

from dataclasses import dataclass

from core.indexes.config import IndexConfig, IndexKind, Metric

DEFAULT_KINDS = (IndexKind.FLAT, IndexKind.HNSW, IndexKind.IVF, IndexKind.SQ8, IndexKind.IVF_PQ)
"""OPQ is left out: learning its rotation takes minutes."""

MIN_QUERIES = 200
"""With fewer, one query more or less right moves recall@1 by over half a percent."""


def _check_queries(num_queries: int) -> None:
    if not MIN_QUERIES <= num_queries <= 10_000:
        raise ValueError(f"num_queries must be in {MIN_QUERIES}..10000, got {num_queries}")


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepConfig:
    """Which indexes to compare, and by how many queries.

    Raises:
        ValueError: A kind or factory string is none, or there are too few queries.
    """

    kinds: str = ",".join(DEFAULT_KINDS)
    """Kinds to compare, with commas between them."""

    factories: str = ""
    """FAISS factory strings to compare as well, with semicolons between them."""

    metric: Metric = Metric.COSINE
    """What FAISS compares by."""

    num_queries: int = 500
    """Random images that are searched by, 200 to 10,000."""

    seed: int = 0
    """Fixes which images they are."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "metric", Metric(self.metric))
        _check_queries(self.num_queries)
        if not self.bases():
            raise ValueError("kinds and factories are empty: name at least one")

    def bases(self) -> list[IndexConfig]:
        """Return the chosen kinds and factory strings, with nothing tuned yet."""
        kinds = [IndexKind(kind.strip()) for kind in self.kinds.split(",") if kind.strip()]
        factories = [text.strip() for text in self.factories.split(";") if text.strip()]
        chosen = [IndexConfig(kind=kind, metric=self.metric) for kind in dict.fromkeys(kinds)]
        return chosen + [
            IndexConfig(kind=IndexKind.FACTORY, factory=text, metric=self.metric)
            for text in dict.fromkeys(factories)
        ]


@dataclass(frozen=True, kw_only=True, slots=True)
class RecommendConfig:
    """The budget that an index must keep to.

    Raises:
        ValueError: A number is out of range.
    """

    recall: float = 0.95
    """Least neighbor recall at 10: share of the exact ten nearest that it finds, 0.5 to 1."""

    latency_ms: float = 1.0
    """Most milliseconds of a query, alone on one thread, which 95 of 100 keep to."""

    memory_mb: float = 0.0
    """Most memory of the index, in megabytes; 0 for no limit."""

    num_queries: int = 500
    """Random images that are searched by: one half to choose by, the other to judge by."""

    seed: int = 0
    """Fixes which images they are."""

    def __post_init__(self) -> None:
        _check_queries(self.num_queries)
        for name, low, high in (
            ("recall", 0.5, 1.0),
            ("latency_ms", 0.001, 60_000.0),
            ("memory_mb", 0.0, 1e9),
        ):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be in {low}..{high}, got {getattr(self, name)}")
