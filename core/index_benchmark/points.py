"""What comparing indexes gave: a point each, and which of them no other beats."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from core.artifacts.upgrades import upgrade_settings
from core.files import write_json
from core.indexes.config import IVF_KINDS, IndexConfig
from core.metrics.measures import RANKS

POINTS = "points.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What was measured of an index."""

    num_queries: int
    recall: dict[int, float]
    """Depth → neighbor recall: share of the exact neighbors up to that rank that it finds."""

    latency_ms: dict[int, float]
    """Percentile → milliseconds of one query for 10 neighbors, alone, on one thread."""

    queries_per_s: float
    """In batches of 100, on all threads."""

    precision: float | None
    """Share of the 10 found that are of the query's class, mean over queries with a class; None
    without classes. It says how well the model sorts images, where recall says how well the index
    finds what the model thinks near."""

    exact_precision: float | None
    """The same of exact search."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One index at one effort, measured."""

    config: IndexConfig
    """Which; its nprobe or ef_search is the effort it was measured at."""

    factory: str
    """As FAISS describes it."""

    effort: int | None
    """nprobe or efSearch; None where there is nothing to choose."""

    measured: Measured
    build_s: float
    """Seconds that building it took."""

    size_bytes: int
    """What it takes on the disk, and about what it takes in memory."""

    @property
    def recall(self) -> float:
        """Neighbor recall at 10."""
        return self.measured.recall[RANKS]

    @property
    def name(self) -> str:
        """What it is, in a few words."""
        if self.effort is None:
            return self.factory
        is_probed = self.config.kind in IVF_KINDS or "IVF" in self.factory
        return f"{self.factory} · {'nprobe' if is_probed else 'efSearch'} {self.effort}"


def best_points(points: Sequence[Point]) -> list[int]:
    """Return the places of those points that no other beats in both recall and median latency.

    These are the Pareto front, the quickest first.
    """
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
    """Save points in `folder`."""
    write_json(folder / POINTS, [asdict(point) for point in points])


def read_points(folder: Path) -> list[Point]:
    """Read what `write_points` saved."""
    content = json.loads((folder / POINTS).read_text(encoding="utf-8"))
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
    """Read figures back from JSON, whose keys are all text."""
    depths = {
        name: {int(key): value for key, value in dict(entry[name]).items()}  # type: ignore[call-overload]
        for name in ("recall", "latency_ms")
    }
    return Measured(**{**entry, **depths})  # type: ignore[arg-type]
