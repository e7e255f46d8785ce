"""Which indexes may keep a budget, from the number of images alone: before anything is measured.

Shapes, in this file: N images, D embedding dimensions.
"""

from dataclasses import dataclass

from core.errors import WorkbenchError
from core.index_benchmark.config import RecommendConfig
from core.indexes.config import IndexConfig, IndexKind
from core.indexes.factory import default_nlist

SCANNED_BYTES_PER_S = 8e9
"""What one thread compares in a second when it looks at every vector: about the speed of memory."""

ID_BYTES = 8
LINK_BYTES = 4
LINKS = 32


@dataclass(frozen=True, slots=True)
class Proposal:
    """An index that may keep the budget."""

    config: IndexConfig
    why: str
    """The reason, as the end of a sentence."""

    memory_bytes: int
    """About what it takes."""


def proposals(count: int, dimension: int, asked: RecommendConfig) -> list[Proposal]:
    """Return the indexes to try, the most promising first.

    Args:
        count: N.
        dimension: D.
        asked: The budget.

    Raises:
        WorkbenchError: None is small enough.
    """
    scan_ms = count * 4 * dimension / SCANNED_BYTES_PER_S * 1e3
    able = _able(count, dimension, scan_ms)
    if scan_ms > asked.latency_ms or asked.recall == 1:
        able = able[1:] if scan_ms > asked.latency_ms else able[:1]
    limit = asked.memory_mb * 1e6 or float("inf")
    fitting = [proposal for proposal in able if proposal.memory_bytes <= limit]
    if not fitting:
        least = min(proposal.memory_bytes for proposal in able) / 1e6
        raise WorkbenchError(
            f"No index of {count:,} images fits into {asked.memory_mb:g} MB: the smallest takes "
            f"about {least:.1f} MB.",
            "Allow it more memory.",
        )
    return fitting


def _able(count: int, dimension: int, scan_ms: float) -> list[Proposal]:
    """Return all that could be built, the exact one first."""
    whole = 4 * dimension
    links = 2 * LINKS * LINK_BYTES
    nlist = default_nlist(count)
    return [
        Proposal(
            IndexConfig(kind=IndexKind.FLAT),
            f"comparing with all {count:,} should take about {scan_ms:.2g} ms, and is exact",
            count * whole,
        ),
        Proposal(
            IndexConfig(kind=IndexKind.HNSW, m=LINKS),
            "a graph of neighbors is the quickest way to high recall where memory allows it",
            count * (whole + links),
        ),
        Proposal(
            IndexConfig(kind=IndexKind.IVF),
            "looking into the nearest groups needs no more memory than the vectors themselves",
            count * (whole + ID_BYTES),
        ),
        Proposal(
            IndexConfig(kind=IndexKind.FACTORY, factory=f"HNSW{LINKS}_SQ8"),
            "a graph over vectors of a byte a dimension takes half the memory of a whole one",
            count * (dimension + links),
        ),
        Proposal(
            IndexConfig(kind=IndexKind.FACTORY, factory=f"IVF{nlist},SQ8"),
            "a byte a dimension takes a fourth of the memory and hardly any recall",
            count * (dimension + ID_BYTES),
        ),
        *(
            Proposal(
                IndexConfig(kind=IndexKind.IVF_PQ, code_bytes=code),
                f"codes of {code} bytes an image are what so little memory holds",
                count * (code + ID_BYTES),
            )
            for code in (dimension // 2, dimension // 4, dimension // 8)
            if code and dimension % code == 0
        ),
    ]
