"""Evaluating retrieval: the images of one split as queries, those of another as the gallery.

`trial.py` says who asks and who may be found, `ranking.py` lets them search, `scoring.py` measures,
`evaluation_files.py` writes down.

Shapes, in this file: Q queries.
"""

import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from core.artifacts.folders import Manifest, draft, publish
from core.datasets.registry import open_dataset
from core.evaluation.config import EvaluateConfig, Protocol
from core.evaluation.protocol import Trial, make_trial
from core.evaluation.ranking import Stretch, agreement, rank_by_index, rank_exactly
from core.evaluation.scoring import DEEPEST, Scoring, classified, depth_of
from core.evaluation.system import Subject, open_subject
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
    subject = open_subject(workspace, config)
    return (yield from evaluate_subject(workspace, subject, config, config.ranks, config.exact))


def evaluate_subject(
    workspace: Workspace,
    subject: Subject,
    protocol: Protocol,
    ranks: tuple[int, ...],
    exact: bool = False,
) -> Work[Manifest]:
    """Measure what is opened already, and publish the evaluation.

    Args:
        workspace: Where to.
        subject: What to evaluate.
        protocol: Who asks, and who may be found.
        ranks: Each k that is measured at.
        exact: Hold the subject's index to exact search.

    Raises:
        WorkbenchError: Nothing can be evaluated; the sentence says why.
    """
    started = time.perf_counter()
    dataset = open_dataset(workspace, subject.dataset)
    fingerprint = dataset.catalog.fingerprint
    trial = make_trial(dataset, protocol, subject.image_ids)
    scoring, held = yield from _searched(subject, trial, ranks, exact)
    query_rows = np.searchsorted(subject.image_ids, trial.query_ids)
    plain = subject.vectors if subject.plain is None else subject.plain
    by_classifier, named = classified(trial, subject.classifier, plain[query_rows])
    measured = scoring.measured | by_classifier
    yield Progress(len(trial.queries), len(trial.queries), "resampling the queries")
    summary = _summary(trial, measured, protocol)
    with draft(workspace.evaluations) as folder:
        write_tables(folder, trial, measured, scoring, named)
        return publish(
            folder,
            kind="evaluation",
            stem=f"{subject.stem}-{protocol.queries}",
            config=asdict(protocol),
            # It goes by labels and splits as well
            made_from=subject.made_from | {"dataset_fingerprint": fingerprint},
            summary=summary
            | held
            | subject.summary
            | {"ranks": list(ranks), "evaluate_s": time.perf_counter() - started},
        )


def _searched(
    subject: Subject, trial: Trial, ranks: tuple[int, ...], exact: bool
) -> Work[tuple[Scoring, dict[str, float]]]:
    """Let every query search; return the scores, and how far an index agrees with exact search."""
    if subject.store is None:
        scoring = Scoring(trial, ranks, to_r=True)
        yield from _scored(scoring, _exactly(subject, trial, depth_of(trial, ranks)))
        return scoring, {}
    query_rows = np.searchsorted(subject.image_ids, trial.query_ids)
    queries = np.ascontiguousarray(subject.vectors[query_rows], np.float32)
    scoring = Scoring(trial, ranks, to_r=False)
    found = rank_by_index(trial, subject.store, queries, max(ranks))
    if not exact:
        yield from _scored(scoring, found)
        return scoring, {}
    kept: list[Stretch] = []
    yield from _scored(scoring, _keeping(found, kept))
    wanted = Scoring(trial, ranks, to_r=False)
    truth: list[Stretch] = []
    yield from _scored(wanted, _keeping(_exactly(subject, trial, max(ranks)), truth))
    means, _ = bootstrap(np.column_stack([*wanted.measured.values()]), trial.wanted, 0, 0)
    held = {f"exact_{n}": float(m) for n, m in zip(wanted.measured, means.mean, strict=True)}
    return scoring, {f"neighbour_recall_at_{AGREED_RANKS}": _agreement(kept, truth)} | held


def _exactly(subject: Subject, trial: Trial, depth: int) -> Iterator[Stretch]:
    rows = [np.searchsorted(subject.image_ids, ids) for ids in (trial.gallery_ids, trial.query_ids)]
    return rank_exactly(trial, subject.vectors, rows[0], rows[1], depth)


def _scored(scoring: Scoring, stretches: Iterator[Stretch]) -> Work[None]:
    total = len(scoring.trial.queries)
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
    trial: Trial, measured: dict[str, np.ndarray[Any, np.dtype[np.float64]]], protocol: Protocol
) -> dict[str, Any]:
    """Return every mean, as it is and over classes (`…_macro`), their intervals, and counts."""
    values = np.column_stack([*measured.values()])
    estimates = bootstrap(values, trial.wanted, protocol.replicates, protocol.seed)
    means: dict[str, float] = {}
    intervals: dict[str, list[float]] = {}
    for ending, found in zip(("", "_macro"), estimates, strict=True):
        for place, name in enumerate(measured):
            means[name + ending] = float(found.mean[place])
            if protocol.replicates:
                intervals[name + ending] = [float(found.low[place]), float(found.high[place])]
    return means | {
        "intervals": intervals,
        "num_queries": len(trial.queries),
        "num_gallery": len(trial.gallery_ids),
        "num_categories": len(np.unique(trial.wanted)),
        "num_skipped": sum(trial.skipped.values()),
        "skipped_classes": trial.skipped,
        "num_copies": trial.num_copies,
        "num_beyond_depth": int((trial.num_relevant > DEEPEST).sum()),
    }
