"""Points of a sweep: measured indexes, the Pareto front, and their file."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from core.artifacts.upgrades import upgrade_settings
from core.files import read_json, write_json
from core.indexes.config import IndexConfig
from core.metrics.measures import RANKS

POINTS = "points.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """Figures of an index at one effort."""

    num_queries: int
    recall: dict[int, float]
    """Depth → recall vs. exact search: share of the exact neighbors up to that rank."""

    latency_ms: dict[int, float]
    """Percentile → milliseconds of a single query for 10 neighbors on one thread."""

    queries_per_s: float
    """Queries per second in batches of 100 on all threads."""

    precision: float | None
    """Precision@10 by class, mean over queries with a class; None without classes. It depends on
    the model, while recall depends on the index."""

    exact_precision: float | None
    """Precision@10 by class of exact search."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """An index measured at one effort."""

    config: IndexConfig
    """Which index; its nprobe or ef_search is the effort."""

    factory: str
    """FAISS factory string."""

    effort: int | None
    """nprobe or efSearch; None if the index has neither."""

    measured: Measured
    build_s: float
    """Seconds to build it."""

    size_bytes: int
    """Size on disk, and about the size in memory."""

    @property
    def recall(self) -> float:
        """Return recall@10 vs. exact search."""
        return self.measured.recall[RANKS]

    @property
    def name(self) -> str:
        """Return the factory string and the effort."""
        if self.effort is None:
            return self.factory
        return f"{self.factory} · {'nprobe' if 'IVF' in self.factory else 'efSearch'} {self.effort}"


def best_points(points: Sequence[Point]) -> list[int]:
    """Return the positions of the Pareto front of recall and median latency, fastest first."""
    order = sorted(
        range(len(points)),
        key=lambda at: (points[at].measured.latency_ms[50], -points[at].recall),
    )
    front: list[int] = []
    for at in order:
        if not front or points[at].recall > points[front[-1]].recall:
            front.append(at)
    return front


def write_points(points: Sequence[Point], folder: Path) -> None:
    """Save points in a folder."""
    write_json(folder / POINTS, [asdict(point) for point in points])


def read_points(folder: Path) -> list[Point]:
    """Read the points that `write_points` saved."""
    content = read_json(folder / POINTS)
    return [
        Point(
            **entry
            | {
                "config": IndexConfig(**upgrade_settings(entry["config"])),
                "measured": read_measured(entry["measured"]),
            }
        )
        for entry in content
    ]


def read_measured(entry: dict[str, object]) -> Measured:
    """Read figures from JSON, whose keys are all text."""
    depths = {
        name: {int(key): value for key, value in dict(entry[name]).items()}  # type: ignore[call-overload]
        for name in ("recall", "latency_ms")
    }
    return Measured(**{**entry, **depths})  # type: ignore[arg-type]
