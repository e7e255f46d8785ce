"""Configs of index sweeps and recommendations."""

from dataclasses import dataclass

from core.indexes.config import IndexConfig, Metric
from core.indexes.kinds import KINDS
from core.options import bounded, check_fields

SWEPT_KINDS = tuple(name for name, kind in KINDS.items() if kind.is_swept)
MIN_QUERIES, MAX_QUERIES = 200, 10_000
"""With fewer queries, one match more or less changes recall@1 by over half a percent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepConfig:
    """Which indexes to compare, and with how many queries.

    Raises:
        ValueError: There is no such kind, a factory string is invalid, or a number is out of range.
    """

    kinds: str = ",".join(SWEPT_KINDS)
    """Kinds to compare, separated by commas."""

    factories: str = ""
    """More indexes: FAISS factory strings, separated by semicolons."""

    metric: Metric = Metric.COSINE
    """Distance metric of the indexes."""

    num_queries: int = bounded(500, MIN_QUERIES, MAX_QUERIES)
    """Number of random images that are used as queries."""

    seed: int = 0
    """Seed of the random choice of queries."""

    def __post_init__(self) -> None:
        check_fields(self)
        if not self.bases():
            raise ValueError("kinds and factories are empty: name at least one")

    def bases(self) -> list[IndexConfig]:
        """Return the kinds and factory strings with default parameters."""
        kinds = [kind.strip() for kind in self.kinds.split(",") if kind.strip()]
        factories = [text.strip() for text in self.factories.split(";") if text.strip()]
        return [IndexConfig(kind=kind, metric=self.metric) for kind in dict.fromkeys(kinds)] + [
            IndexConfig(kind="factory", factory=text, metric=self.metric)
            for text in dict.fromkeys(factories)
        ]


@dataclass(frozen=True, kw_only=True, slots=True)
class RecommendConfig:
    """Budget of a recommended index.

    Raises:
        ValueError: A number is out of range.
    """

    recall: float = bounded(0.95, 0.5, 1.0)
    """Min. recall@10 vs. exact search."""

    latency_ms: float = bounded(1.0, 0.001, 60_000.0)
    """Max. milliseconds of a single query on one thread, at the 95th percentile."""

    memory_mb: float = bounded(0.0, 0.0, 1e9)
    """Max. megabytes of memory; 0 for no limit."""

    num_queries: int = bounded(500, MIN_QUERIES, MAX_QUERIES)
    """Number of random images that are used as queries: half for tuning, half for measuring."""

    seed: int = 0
    """Seed of the random choice of queries."""

    def __post_init__(self) -> None:
        check_fields(self)
