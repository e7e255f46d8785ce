"""Evaluating retrieval: the images of one split as queries, those of another as the gallery.

`task.py` says who asks and who may be found, `ranking.py` lets them search, `scoring.py` measures,
`evaluation_files.py` writes down.

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
from core.evaluation.ranking import Stretch, agreement, rank_by_index, rank_exactly
from core.evaluation.scoring import DEEPEST, Scoring, classified, depth_of
from core.evaluation.system import System, open_system
from core.evaluation.tables import write_tables
from core.metrics.bootstrap import bootstrap
from core.progress import Progress, Work
from core.workspace import Workspace

AGREED_RANKS = 10
"""Ranks at which an index is held to exact search."""


def evaluate(workspace: Workspace, config: EvaluateConfig) -> Work[Manifest]:
    """Measure retrieval: every query searches the gallery, exactly or through that very index.

    A query never finds its own image or a copy of it. Queries whose class has no image to find are
    left out and counted. The result has a row a query, a row a class, and the pairs of classes.

    Raises:
        MissingError: What is to be evaluated, or what it was made from, is gone.
        DamagedArtifactError: A file of it was changed.
        WorkbenchError: Nothing can be evaluated; the sentence says why.
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
    """Measure what is opened already, and publish the evaluation.

    Args:
        workspace: Where to.
        system: What to evaluate.
        protocol: Who asks, and who may be found.
        ranks: Each k that is measured at.
        exact: Hold the subject's index to exact search.

    Raises:
        WorkbenchError: Nothing can be evaluated; the sentence says why.
    """
    started = time.perf_counter()
    dataset = open_dataset(workspace, system.dataset)
    fingerprint = dataset.catalog.fingerprint
    task = make_task(dataset, protocol, system.image_ids)
    scoring, held = yield from _searched(system, task, ranks, exact)
    query_rows = np.searchsorted(system.image_ids, task.query_ids)
    plain = system.vectors if system.plain is None else system.plain
    by_classifier, named = classified(task, system.classifier, plain[query_rows])
    measured = scoring.measured | by_classifier
    yield Progress(len(task.queries), len(task.queries), "resampling the queries")
    summary = _summary(task, measured, protocol)
    with draft(workspace.evaluations) as folder:
        write_tables(folder, task, measured, scoring, named)
        return publish(
            folder,
            kind="evaluation",
            stem=f"{system.stem}-{protocol.queries}",
            config=asdict(protocol),
            # It goes by labels and splits as well
            made_from=system.made_from | {"dataset_fingerprint": fingerprint},
            summary=summary
            | held
            | system.summary
            | {"ranks": list(ranks), "evaluate_s": time.perf_counter() - started},
        )


def _searched(
    system: System, task: RetrievalTask, ranks: tuple[int, ...], exact: bool
) -> Work[tuple[Scoring, dict[str, float]]]:
    """Let every query search; return the scores, and how far an index agrees with exact search."""
    if system.store is None:
        scoring = Scoring(task, ranks, to_r=True)
        yield from _scored(scoring, _exactly(system, task, depth_of(task, ranks)))
        return scoring, {}
    query_rows = np.searchsorted(system.image_ids, task.query_ids)
    queries = np.ascontiguousarray(system.vectors[query_rows], np.float32)
    scoring = Scoring(task, ranks, to_r=False)
    found = rank_by_index(task, system.store, queries, max(ranks))
    if not exact:
        yield from _scored(scoring, found)
        return scoring, {}
    kept: list[Stretch] = []
    yield from _scored(scoring, _keeping(found, kept))
    wanted = Scoring(task, ranks, to_r=False)
    truth: list[Stretch] = []
    yield from _scored(wanted, _keeping(_exactly(system, task, max(ranks)), truth))
    means, _ = bootstrap(np.column_stack([*wanted.measured.values()]), task.wanted, 0, 0)
    held = {f"exact_{n}": float(m) for n, m in zip(wanted.measured, means.mean, strict=True)}
    return scoring, {f"index_recall_at_{AGREED_RANKS}": _agreement(kept, truth)} | held


def _exactly(system: System, task: RetrievalTask, depth: int) -> Iterator[Stretch]:
    rows = [np.searchsorted(system.image_ids, ids) for ids in (task.gallery_ids, task.query_ids)]
    return rank_exactly(task, system.vectors, rows[0], rows[1], depth)


def _scored(scoring: Scoring, stretches: Iterator[Stretch]) -> Work[None]:
    total = len(scoring.task.queries)
    yield Progress(0, total, "searching")
    for stretch in stretches:
        scoring.add(stretch)
        yield Progress(stretch.queries.stop, total, "searching")


def _keeping(stretches: Iterator[Stretch], kept: list[Stretch]) -> Iterator[Stretch]:
    """Pass the stretches on, and keep their first ranks."""
    for stretch in stretches:
        kept.append(Stretch(stretch.queries, stretch.found[:, :AGREED_RANKS].copy()))
        yield stretch


def _agreement(found: list[Stretch], exact: list[Stretch]) -> float:
    pairs = [agreement(a, b, AGREED_RANKS) for a, b in zip(found, exact, strict=True)]
    return sum(hits for hits, _ in pairs) / max(1, sum(of for _, of in pairs))


def _summary(
    task: RetrievalTask,
    measured: dict[str, np.ndarray[Any, np.dtype[np.float64]]],
    protocol: Protocol,
) -> dict[str, Any]:
    """Return every mean, as it is and over classes (`…_macro`), their intervals, and counts."""
    values = np.column_stack([*measured.values()])
    estimates = bootstrap(values, task.wanted, protocol.replicates, protocol.seed)
    means: dict[str, float] = {}
    intervals: dict[str, list[float]] = {}
    for ending, found in zip(("", "_macro"), estimates, strict=True):
        for place, name in enumerate(measured):
            means[name + ending] = float(found.mean[place])
            if protocol.replicates:
                intervals[name + ending] = [float(found.low[place]), float(found.high[place])]
    return means | {
        "intervals": intervals,
        "num_queries": len(task.queries),
        "num_gallery": len(task.gallery_ids),
        "num_classes": len(np.unique(task.wanted)),
        "num_skipped": sum(task.skipped.values()),
        "skipped_classes": task.skipped,
        "num_copies": task.num_copies,
        "num_beyond_depth": int((task.num_relevant > DEEPEST).sum()),
    }
