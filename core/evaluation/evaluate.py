"""Evaluation of retrieval: images of one split query a gallery of another.

`protocol.py` selects queries and gallery, `ranking.py` searches, `scoring.py` measures and writes
the results.

Shapes, in this file: Q queries.
"""

import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from core.artifacts.folders import draft, publish
from core.artifacts.manifests import Manifest
from core.datasets.registry import open_dataset
from core.evaluation.config import EvaluateConfig, Protocol
from core.evaluation.protocol import RetrievalTask, make_task
from core.evaluation.ranking import RankedBlock, index_recall, rank_by_index, rank_exactly
from core.evaluation.scoring import MAX_DEPTH, Scoring, classified, depth_of, write_tables
from core.evaluation.system import System, open_system
from core.metrics.bootstrap import bootstrap
from core.metrics.measures import Measured
from core.progress import Progress, Work
from core.workspace import Workspace

RECALL_RANKS = 10
"""Ranks of the recall vs. exact search."""


def evaluate(workspace: Workspace, config: EvaluateConfig) -> Work[Manifest]:
    """Evaluate embeddings by exact search, or an index by its own search.

    Copies of a query, such as its own image, are ignored. Queries without a relevant image in the
    gallery are left out and counted.

    Raises:
        MissingError: The system, or what it was made from, does not exist.
        DamagedArtifactError: One of its files was changed.
        WorkbenchError: Nothing can be evaluated; the message tells why.
    """
    system = open_system(workspace, config)
    return (yield from evaluate_system(workspace, system, config, config.ranks, config.exact))


def evaluate_system(
    workspace: Workspace,
    system: System,
    protocol: Protocol,
    ranks: tuple[int, ...],
    exact: bool = False,
) -> Work[Manifest]:
    """Evaluate an open system at the ranks k in `ranks`, and publish the evaluation.

    With `exact`, exact search and the recall of the system's index are measured, too.

    Raises:
        WorkbenchError: Nothing can be evaluated; the message tells why.
    """
    started = time.perf_counter()
    dataset = open_dataset(workspace, system.dataset)
    fingerprint = dataset.catalog.fingerprint
    task = make_task(dataset, protocol, system.image_ids)
    scoring, exact_facts = yield from _search(system, task, ranks, exact)
    query_rows = np.searchsorted(system.image_ids, task.query_ids)
    plain = system.vectors if system.plain is None else system.plain
    by_classifier, predicted = classified(task, system.classifier, plain[query_rows])
    measured = scoring.measured | by_classifier
    yield Progress(len(task.queries), len(task.queries), "bootstrapping")
    summary = _summary(task, measured, protocol)
    with draft(workspace.evaluations) as folder:
        write_tables(folder, task, measured, scoring, predicted)
        return publish(
            folder,
            kind="evaluation",
            stem=f"{system.stem}-{protocol.queries}",
            config=asdict(protocol),
            # It depends on labels and splits, too
            made_from=system.made_from | {"dataset_fingerprint": fingerprint},
            summary=summary
            | exact_facts
            | system.summary
            | {"ranks": list(ranks), "evaluate_s": time.perf_counter() - started},
        )


def _search(
    system: System, task: RetrievalTask, ranks: tuple[int, ...], exact: bool
) -> Work[tuple[Scoring, dict[str, float]]]:
    """Search all queries; return the scores, and measures of exact search if `exact`."""
    if system.store is None:
        scoring = Scoring(task, ranks, to_r=True)
        yield from _score(scoring, _rank_exactly(system, task, depth_of(task, ranks)))
        return scoring, {}
    query_rows = np.searchsorted(system.image_ids, task.query_ids)
    queries = np.ascontiguousarray(system.vectors[query_rows], np.float32)
    scoring = Scoring(task, ranks, to_r=False)
    by_index = rank_by_index(task, system.store, queries, max(ranks))
    if not exact:
        yield from _score(scoring, by_index)
        return scoring, {}
    exact_scoring = Scoring(task, ranks, to_r=False)
    first: list[RankedBlock] = []
    exact_first: list[RankedBlock] = []
    yield from _score(scoring, by_index, first)
    exactly = _rank_exactly(system, task, max(ranks))
    yield from _score(exact_scoring, exactly, exact_first)
    measured = exact_scoring.measured
    average, _ = bootstrap(np.column_stack([*measured.values()]), task.query_classes, 0, 0)
    means = {f"exact_{n}": float(mean) for n, mean in zip(measured, average.mean, strict=True)}
    recall = index_recall(first, exact_first, RECALL_RANKS)
    return scoring, {f"index_recall_at_{RECALL_RANKS}": recall} | means


def _rank_exactly(system: System, task: RetrievalTask, depth: int) -> Iterator[RankedBlock]:
    rows = [np.searchsorted(system.image_ids, ids) for ids in (task.gallery_ids, task.query_ids)]
    return rank_exactly(task, system.vectors, rows[0], rows[1], depth)


def _score(
    scoring: Scoring, blocks: Iterator[RankedBlock], first: list[RankedBlock] | None = None
) -> Work[None]:
    """Measure blocks, and append their first ranks to `first`."""
    total = len(scoring.task.queries)
    yield Progress(0, total, "searching")
    for block in blocks:
        scoring.add(block)
        if first is not None:
            first.append(RankedBlock(block.queries, block.ranked[:, :RECALL_RANKS].copy()))
        yield Progress(block.queries.stop, total, "searching")


def _summary(
    task: RetrievalTask,
    measured: Measured,
    protocol: Protocol,
) -> dict[str, Any]:
    """Return micro and macro averages (`…_macro`), their 95 % CIs (bootstrap), and counts."""
    values = np.column_stack([*measured.values()])
    averages = bootstrap(values, task.query_classes, protocol.replicates, protocol.seed)
    means: dict[str, float] = {}
    intervals: dict[str, list[float]] = {}
    for ending, average in zip(("", "_macro"), averages, strict=True):
        for place, name in enumerate(measured):
            means[name + ending] = float(average.mean[place])
            if protocol.replicates:
                limits = average.low[place], average.high[place]
                intervals[name + ending] = [float(limit) for limit in limits]
    return means | {
        "intervals": intervals,
        "num_queries": len(task.queries),
        "num_gallery": len(task.gallery_ids),
        "num_classes": len(np.unique(task.query_classes)),
        "num_skipped": sum(task.skipped.values()),
        "skipped_classes": task.skipped,
        "num_copies": task.num_copies,
        "num_beyond_depth": int((task.num_relevant > MAX_DEPTH).sum()),
    }
