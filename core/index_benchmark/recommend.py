"""Finding an index that keeps a budget of recall, latency and memory, and holding it to that."""

from dataclasses import asdict, dataclass
from typing import Any

from core.artifacts.manifests import Manifest
from core.embeddings.files import Embeddings, open_embeddings
from core.errors import WorkbenchError
from core.index_benchmark.candidates import Candidate, build_candidate, efforts, point_of
from core.index_benchmark.config import RecommendConfig
from core.index_benchmark.measure import index_recall
from core.index_benchmark.points import Point
from core.index_benchmark.proposals import Proposal, proposals
from core.index_benchmark.queries import BenchmarkQueries, make_benchmark_queries
from core.indexes.files import publish_index
from core.progress import Work, run_part
from core.workspace import Workspace

LATENCY_PERCENTILE = 95
"""The latency that a budget means: so many of 100 queries keep to it."""


@dataclass(frozen=True, slots=True)
class ScoredCandidate:
    """A proposed index, built and judged by queries that it was not tuned on."""

    proposal: Proposal
    candidate: Candidate
    point: Point
    shortfalls: tuple[str, ...]
    """What it misses of the budget, in words; empty if it keeps it."""

    distance: float
    """By how much, each miss as a share of what was asked for."""


def recommend(workspace: Workspace, embeddings_id: str, config: RecommendConfig) -> Work[Manifest]:
    """Build the index that keeps a budget, or else the one that comes nearest to it.

    Kinds are proposed by the number of images, each tuned on one half of the queries and judged by
    the other; the first that keeps the budget is saved. The summary's `advice` says what was
    asked, whether it was kept, why this one, what was measured, and what else was tried.

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
    tried: list[dict[str, Any]] = []
    for number, proposal in enumerate(proposed):
        name = proposal.config.factory or proposal.config.kind.upper()
        try:
            work = _judge(embeddings, benchmark, proposal, config)
            scored = yield from run_part(work, number, len(proposed), name)
        except WorkbenchError as error:  # Too few images for this kind; another may do
            tried.append({"name": name, "shortfalls": [str(error)]})
            continue
        tried.append(_account(scored))
        if nearest is None or scored.distance < nearest.distance:
            nearest = scored  # The others are let go: each may take all the memory there is
        if not scored.shortfalls:
            break
    if nearest is None:
        raise WorkbenchError(
            "None of the proposed indexes can be built.", tried[0]["shortfalls"][0]
        )
    advice = {
        "asked": asdict(config),
        "kept": not nearest.shortfalls,
        "why": nearest.proposal.why,
        "chosen": nearest.point.name,
        "num_queries": nearest.point.measured.num_queries,
        "tried": tried,
    }
    summary = {"build_s": nearest.candidate.build_s, "advice": advice}
    return publish_index(
        workspace, embeddings, nearest.candidate.store, nearest.point.config, summary=summary
    )


def _judge(
    embeddings: Embeddings, benchmark: BenchmarkQueries, proposal: Proposal, asked: RecommendConfig
) -> Work[ScoredCandidate]:
    candidate = yield from build_candidate(
        embeddings.vectors, embeddings.image_ids, proposal.config
    )
    tuning, judging = benchmark.half(0), benchmark.half(1)
    scored = None
    for effort in efforts(candidate.store):
        if effort is not None and index_recall(candidate.store, tuning, effort) < asked.recall:
            continue
        point = yield from point_of(candidate, judging, effort)
        scored = _score(proposal, candidate, point, asked)
        if point.recall >= asked.recall:  # More effort would only take longer
            break
    if scored is None:  # Not even the most effort was enough
        *_, most = efforts(candidate.store)
        point = yield from point_of(candidate, judging, most)
        scored = _score(proposal, candidate, point, asked)
    return scored


def _score(
    proposal: Proposal, candidate: Candidate, point: Point, asked: RecommendConfig
) -> ScoredCandidate:
    latency = point.measured.latency_ms[LATENCY_PERCENTILE]
    misses = {
        f"recall {point.recall:.3f} instead of {asked.recall:g}": 1 - point.recall / asked.recall,
        f"{latency:.2g} ms instead of {asked.latency_ms:g} ms": latency / asked.latency_ms - 1,
    }
    if asked.memory_mb:
        taken = candidate.size_bytes / 1e6
        misses[f"{taken:.1f} MB instead of {asked.memory_mb:g} MB"] = taken / asked.memory_mb - 1
    missed = {words: by for words, by in misses.items() if by > 0}
    return ScoredCandidate(proposal, candidate, point, tuple(missed), sum(missed.values()))


def _account(scored: ScoredCandidate) -> dict[str, Any]:
    return {
        "name": scored.point.name,
        "recall_at_10": scored.point.recall,
        "latency_ms": scored.point.measured.latency_ms[LATENCY_PERCENTILE],
        "size_bytes": scored.candidate.size_bytes,
        "shortfalls": list(scored.shortfalls),
    }
