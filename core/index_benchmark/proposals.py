"""Proposed indexes for a budget, estimated from the number of images without measuring.

Shapes, in this file: N images, D embedding dimensions.
"""

from dataclasses import dataclass

from core.errors import WorkbenchError
from core.index_benchmark.config import RecommendConfig
from core.indexes.config import IndexConfig, default_nlist

SCANNED_BYTES_PER_S = 8e9
"""Bytes of vectors that one thread compares per second: about the bandwidth of memory."""

ID_BYTES = 8
LINK_BYTES = 4
LINKS = 32


@dataclass(frozen=True, slots=True)
class Proposal:
    """An index that may meet the budget."""

    config: IndexConfig
    reason: str
    """Why it is proposed, as the end of a sentence."""

    memory_bytes: int
    """Estimate of its size."""


def proposals(count: int, dimension: int, budget: RecommendConfig) -> list[Proposal]:
    """Return the indexes to try, the most promising first.

    Args:
        count: N.
        dimension: D.
        budget: The budget.

    Raises:
        WorkbenchError: None is small enough.
    """
    scan_ms = count * 4 * dimension / SCANNED_BYTES_PER_S * 1e3
    possible = _possible(count, dimension, scan_ms)
    if scan_ms > budget.latency_ms or budget.recall == 1:
        possible = possible[1:] if scan_ms > budget.latency_ms else possible[:1]
    limit = budget.memory_mb * 1e6 or float("inf")
    fitting = [proposal for proposal in possible if proposal.memory_bytes <= limit]
    if not fitting:
        smallest = min(proposal.memory_bytes for proposal in possible) / 1e6
        raise WorkbenchError(
            f"No index of {count:,} images fits into {budget.memory_mb:g} MB: the smallest takes "
            f"about {smallest:.1f} MB.",
            "Allow it more memory.",
        )
    return fitting


def _possible(count: int, dimension: int, scan_ms: float) -> list[Proposal]:
    """Return all proposals, the exact one first."""
    whole = 4 * dimension
    links = 2 * LINKS * LINK_BYTES
    nlist = default_nlist(count)
    return [
        Proposal(
            IndexConfig(),
            f"comparing with all {count:,} should take about {scan_ms:.2g} ms, and is exact",
            count * whole,
        ),
        Proposal(
            IndexConfig(kind="hnsw", m=LINKS),
            "a graph of neighbors is the quickest way to high recall where memory allows it",
            count * (whole + links),
        ),
        Proposal(
            IndexConfig(kind="ivf"),
            "looking into the nearest groups needs no more memory than the vectors themselves",
            count * (whole + ID_BYTES),
        ),
        Proposal(
            IndexConfig(kind="factory", factory=f"HNSW{LINKS}_SQ8"),
            "a graph over vectors of a byte a dimension takes half the memory of a whole one",
            count * (dimension + links),
        ),
        Proposal(
            IndexConfig(kind="factory", factory=f"IVF{nlist},SQ8"),
            "a byte a dimension takes a fourth of the memory and hardly any recall",
            count * (dimension + ID_BYTES),
        ),
        *(
            Proposal(
                IndexConfig(kind="ivf_pq", code_bytes=code),
                f"codes of {code} bytes an image are what so little memory holds",
                count * (code + ID_BYTES),
            )
            for code in (dimension // 2, dimension // 4, dimension // 8)
            if code and dimension % code == 0
        ),
    ]
