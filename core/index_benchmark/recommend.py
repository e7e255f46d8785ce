"""Recommending an index for a budget of recall, latency and memory.

Kinds are proposed by estimates from the number of images, then measured.

Shapes, in this file: N images, D embedding dimensions.
"""

from dataclasses import asdict, dataclass
from typing import Any

from core.artifacts.manifests import Manifest
from core.embeddings.files import Embeddings, open_embeddings
from core.errors import WorkbenchError
from core.index_benchmark.config import RecommendConfig
from core.index_benchmark.measure import Candidate, build_candidate, efforts, index_recall, point_of
from core.index_benchmark.points import Point
from core.index_benchmark.queries import BenchmarkQueries, make_benchmark_queries
from core.indexes.config import IndexConfig, default_nlist
from core.indexes.factory import set_effort
from core.indexes.faiss_store import FaissStore
from core.indexes.files import publish_index
from core.progress import Work, run_part
from core.workspace import Workspace

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
    """Return the indexes to try for N images of D dimensions, the most promising first.

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
            f"exact search over {count:,} images takes about {scan_ms:.2g} ms",
            count * whole,
        ),
        Proposal(
            IndexConfig(kind="hnsw", m=LINKS),
            "a graph of neighbors is the fastest way to high recall",
            count * (whole + links),
        ),
        Proposal(
            IndexConfig(kind="ivf"),
            "IVF needs little more memory than the embeddings",
            count * (whole + ID_BYTES),
        ),
        Proposal(
            IndexConfig(kind="factory", factory=f"HNSW{LINKS}_SQ8"),
            "a graph over one byte per dimension takes half the memory",
            count * (dimension + links),
        ),
        Proposal(
            IndexConfig(kind="factory", factory=f"IVF{nlist},SQ8"),
            "one byte per dimension takes a quarter of the memory at nearly full recall",
            count * (dimension + ID_BYTES),
        ),
        *(
            Proposal(
                IndexConfig(kind="ivf_pq", code_bytes=code),
                f"codes of {code} bytes per image fit the memory limit",
                count * (code + ID_BYTES),
            )
            for code in (dimension // 2, dimension // 4, dimension // 8)
            if code and dimension % code == 0
        ),
    ]


LATENCY_PERCENTILE = 95
"""Percentile of latency that the budget limits."""


@dataclass(frozen=True, slots=True)
class ScoredCandidate:
    """A proposed index, measured with queries that it was not tuned on."""

    proposal: Proposal
    candidate: Candidate
    point: Point
    shortfalls: tuple[str, ...]
    """What it misses of the budget, in words; empty if it meets it."""

    distance: float
    """Sum of the shortfalls, each as a share of its limit."""


def recommend(workspace: Workspace, embeddings_id: str, config: RecommendConfig) -> Work[Manifest]:
    """Build the index that meets a budget, or else the one that misses it least.

    Kinds are proposed by the number of images, each is tuned on one half of the queries and
    measured on the other, and the first that meets the budget is saved. The `recommendation` of the
    summary has the budget, whether it is met, the reason, and the figures of all candidates.

    Raises:
        MissingError: The embeddings or their dataset are gone.
        WorkbenchError: No index is small enough.
    """
    embeddings = open_embeddings(workspace, embeddings_id)
    benchmark = yield from make_benchmark_queries(
        workspace, embeddings_id, config.num_queries, config.seed
    )
    count, dimension = embeddings.vectors.shape
    proposed = proposals(count, dimension, config)
    nearest: ScoredCandidate | None = None
    candidates: list[dict[str, Any]] = []
    for number, proposal in enumerate(proposed):
        name = proposal.config.factory or proposal.config.kind.upper()
        try:
            work = _score(embeddings, benchmark, proposal, config)
            scored = yield from run_part(work, number, len(proposed), name)
        except WorkbenchError as error:  # Too few images for this kind, maybe not for another
            candidates.append({"name": name, "shortfalls": [str(error)]})
            continue
        candidates.append(_facts(scored))
        if nearest is None or scored.distance < nearest.distance:
            nearest = scored  # No reference to the others is left: each may take all the memory
        if not scored.shortfalls:
            break
    if nearest is None:
        raise WorkbenchError(
            "None of the proposed indexes can be built.", candidates[0]["shortfalls"][0]
        )
    recommendation = {
        "budget": asdict(config),
        "is_met": not nearest.shortfalls,
        "reason": nearest.proposal.reason,
        "index": nearest.point.name,
        "num_queries": nearest.point.measured.num_queries,
        "candidates": candidates,
    }
    summary = {"build_s": nearest.candidate.build_s, "recommendation": recommendation}
    chosen, index = nearest.point.config, nearest.candidate.store.index
    set_effort(index, chosen)  # It was built with the default one
    store = FaissStore(index, embeddings.image_ids)
    return (yield from publish_index(workspace, embeddings, store, chosen, summary=summary))


def _score(
    embeddings: Embeddings, benchmark: BenchmarkQueries, proposal: Proposal, budget: RecommendConfig
) -> Work[ScoredCandidate]:
    candidate = yield from build_candidate(
        embeddings.vectors, embeddings.image_ids, proposal.config
    )
    tuning, held_out = benchmark.half(0), benchmark.half(1)
    scored = None
    for effort in efforts(candidate.store):
        if effort is not None and index_recall(candidate.store, tuning, effort) < budget.recall:
            continue
        point = yield from point_of(candidate, held_out, effort)
        scored = _compare(proposal, candidate, point, budget)
        if point.recall >= budget.recall:  # More effort would only take longer
            break
    if scored is None:  # Even the largest effort is too little
        point = yield from point_of(candidate, held_out, efforts(candidate.store)[-1])
        scored = _compare(proposal, candidate, point, budget)
    return scored


def _compare(
    proposal: Proposal, candidate: Candidate, point: Point, budget: RecommendConfig
) -> ScoredCandidate:
    latency = point.measured.latency_ms[LATENCY_PERCENTILE]
    misses = {
        f"recall {point.recall:.3f} instead of {budget.recall:g}": 1 - point.recall / budget.recall,
        f"{latency:.2g} ms instead of {budget.latency_ms:g} ms": latency / budget.latency_ms - 1,
    }
    if budget.memory_mb:
        size_mb = candidate.size_bytes / 1e6
        misses[f"{size_mb:.1f} MB instead of {budget.memory_mb:g} MB"] = (
            size_mb / budget.memory_mb - 1
        )
    missed = {words: by for words, by in misses.items() if by > 0}
    return ScoredCandidate(proposal, candidate, point, tuple(missed), sum(missed.values()))


def _facts(scored: ScoredCandidate) -> dict[str, Any]:
    return {
        "name": scored.point.name,
        "recall_at_10": scored.point.recall,
        "latency_ms": scored.point.measured.latency_ms[LATENCY_PERCENTILE],
        "size_bytes": scored.candidate.size_bytes,
        "shortfalls": list(scored.shortfalls),
    }
