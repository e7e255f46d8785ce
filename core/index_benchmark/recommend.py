"""Finding an index that keeps a budget of recall, latency and memory, and holding it to that."""

from dataclasses import asdict, dataclass
from typing import Any

from core.artifacts.folders import Manifest
from core.embeddings.files import Embeddings, open_embeddings
from core.errors import WorkbenchError
from core.index_benchmark.candidates import Trial, efforts, point_of, try_index
from core.index_benchmark.config import AdviseConfig
from core.index_benchmark.measure import neighbour_recall
from core.index_benchmark.points import Point
from core.index_benchmark.proposals import Proposal, proposals
from core.index_benchmark.queries import Bench, make_bench
from core.indexes.files import publish_index
from core.progress import Work, part_of
from core.workspace import Workspace

KEPT_PERCENTILE = 95
"""The latency that a budget means: so many of 100 queries keep to it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A proposed index, built and judged by queries that it was not tuned on."""

    proposal: Proposal
    trial: Trial
    point: Point
    shortfalls: tuple[str, ...]
    """What it misses of the budget, in words; empty if it keeps it."""

    distance: float
    """By how much, each miss as a share of what was asked for."""


def advise(workspace: Workspace, embeddings_id: str, config: AdviseConfig) -> Work[Manifest]:
    """Build the index that keeps a budget, or else the one that comes nearest to it.

    Kinds are proposed by the number of images, each tuned on one half of the queries and judged by
    the other; the first that keeps the budget is saved. The summary's `advice` says what was
    asked, whether it was kept, why this one, what was measured, and what else was tried.

    Raises:
        MissingError: The embeddings or their dataset are gone.
        WorkbenchError: No index is small enough.
    """
    embeddings = open_embeddings(workspace, embeddings_id)
    bench = yield from make_bench(workspace, embeddings_id, config.num_queries, config.seed)
    count, dimension = embeddings.vectors.shape
    proposed = proposals(count, dimension, config)
    nearest: Candidate | None = None
    tried: list[dict[str, Any]] = []
    for number, proposal in enumerate(proposed):
        name = proposal.config.factory or proposal.config.kind.upper()
        try:
            work = _judge(embeddings, bench, proposal, config)
            candidate = yield from part_of(work, number, len(proposed), name)
        except WorkbenchError as error:  # Too few images for this kind; another may do
            tried.append({"name": name, "shortfalls": [str(error)]})
            continue
        tried.append(_account(candidate))
        if nearest is None or candidate.distance < nearest.distance:
            nearest = candidate  # The others are let go: each may take all the memory there is
        if not candidate.shortfalls:
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
    summary = {"build_s": nearest.trial.build_s, "advice": advice}
    return publish_index(
        workspace, embeddings, nearest.trial.store, nearest.point.config, summary=summary
    )


def _judge(
    embeddings: Embeddings, bench: Bench, proposal: Proposal, asked: AdviseConfig
) -> Work[Candidate]:
    trial = yield from try_index(embeddings.vectors, embeddings.image_ids, proposal.config)
    tuning, judging = bench.half(0), bench.half(1)
    candidate = None
    for effort in efforts(trial.store):
        if effort is not None and neighbour_recall(trial.store, tuning, effort) < asked.recall:
            continue
        point = yield from point_of(trial, judging, effort)
        candidate = _candidate(proposal, trial, point, asked)
        if point.recall >= asked.recall:  # More effort would only take longer
            break
    if candidate is None:  # Not even the most effort was enough
        *_, most = efforts(trial.store)
        point = yield from point_of(trial, judging, most)
        candidate = _candidate(proposal, trial, point, asked)
    return candidate


def _candidate(proposal: Proposal, trial: Trial, point: Point, asked: AdviseConfig) -> Candidate:
    latency = point.measured.latency_ms[KEPT_PERCENTILE]
    misses = {
        f"recall {point.recall:.3f} instead of {asked.recall:g}": 1 - point.recall / asked.recall,
        f"{latency:.2g} ms instead of {asked.latency_ms:g} ms": latency / asked.latency_ms - 1,
    }
    if asked.memory_mb:
        taken = trial.size_bytes / 1e6
        misses[f"{taken:.1f} MB instead of {asked.memory_mb:g} MB"] = taken / asked.memory_mb - 1
    missed = {words: by for words, by in misses.items() if by > 0}
    return Candidate(proposal, trial, point, tuple(missed), sum(missed.values()))


def _account(candidate: Candidate) -> dict[str, Any]:
    return {
        "name": candidate.point.name,
        "recall_at_10": candidate.point.recall,
        "latency_ms": candidate.point.measured.latency_ms[KEPT_PERCENTILE],
        "size_bytes": candidate.trial.size_bytes,
        "shortfalls": list(candidate.shortfalls),
    }
