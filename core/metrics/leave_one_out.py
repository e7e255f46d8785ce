"""How good a ranking is, in short: what a training looks at after each epoch.

What an evaluation measures is in `measures.py`.

Shapes, in this file: Q queries, K ranks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.metrics.measures import average_precision

RANKS = 10
"""Ranks that are looked at for mAP and precision."""

RECALL_RANKS = (1, 5, 10)
BLOCK = 1024
"""Queries that are compared with all others at once, so that memory does not grow with Q²."""


@dataclass(frozen=True, slots=True)
class Scores:
    """How good each query's ranking is; each array (Q,) float64 in [0, 1]."""

    average_precision: NDArray[np.float64]
    """AP@10 = Σ over ranks i ≤ 10 of precision(i)·relevant(i), over min(R, 10), with R the relevant
    images in the gallery (Manning, Raghavan & Schütze 2008, 8.4, cut off at 10)."""

    recall: dict[int, NDArray[np.float64]]
    """k → 1 where a relevant image is among the first k, else 0 (as Musgrave et al. 2020 count)."""

    precision: NDArray[np.float64]
    """Share of relevant images among the first 10 ranks; an empty rank is a miss."""


def score(relevant: NDArray[np.bool_], num_relevant: NDArray[np.int64]) -> Scores:
    """Score rankings.

    Args:
        relevant: (Q, 10) whether the image at each rank is of the query's category; ranks that
            the search left empty are False.
        num_relevant: (Q,) relevant images in the gallery, at least 1.

    Raises:
        ValueError: A shape or count is wrong.
    """
    if relevant.ndim != 2 or relevant.shape[1] != RANKS:
        raise ValueError(f"relevant must be (Q, {RANKS}), got {relevant.shape}")
    if (num_relevant < 1).any():
        raise ValueError("every query needs at least one relevant image in the gallery")
    precision_at = precision_by_rank(relevant)
    return Scores(
        average_precision=average_precision(relevant, precision_at, num_relevant, RANKS),
        recall={k: np.any(relevant[:, :k], axis=1).astype(np.float64) for k in RECALL_RANKS},
        precision=precision_at[:, -1],
    )


def precision_by_rank(relevant: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the share of relevant images among the first k ranks, for each k.

    Args:
        relevant: (…, K) whether the image at each rank is of the query's category.

    Returns:
        (…, K) float64 in [0, 1].
    """
    shares: NDArray[np.float64] = np.cumsum(relevant, axis=-1) / np.arange(
        1, relevant.shape[-1] + 1
    )
    return shares


def totals(scores: Scores, labels: Sequence[str]) -> dict[str, float]:
    """Return each measure's mean over the queries, and (`…_macro`) over their categories.

    Args:
        scores: Of Q queries.
        labels: The category of each query.
    """
    means = {}
    _, group = np.unique(np.asarray(labels), return_inverse=True)
    sizes = np.bincount(group)
    for name, values in measures(scores).items():
        means[name] = float(values.mean())
        means[f"{name}_macro"] = float((np.bincount(group, values) / sizes).mean())
    return means


def measures(scores: Scores) -> dict[str, NDArray[np.float64]]:
    """Return every measure under the name it is reported by."""
    named = {"map_at_10": scores.average_precision, "precision_at_10": scores.precision}
    return named | {f"recall_at_{k}": values for k, values in scores.recall.items()}


def leave_one_out(embeddings: NDArray[np.float32], labels: NDArray[np.int64]) -> dict[str, float]:
    """Score each image's search among all the others.

    Args:
        embeddings: (Q, D) float32 unit rows.
        labels: (Q,) category numbers.

    Returns:
        The measures of `totals`; empty if no category has two images.
    """
    num_relevant = np.bincount(labels)[labels] - 1
    asked = num_relevant > 0
    if not asked.any():
        return {}
    ranks = min(RANKS, len(labels) - 1)
    relevant = np.zeros((len(labels), RANKS), np.bool_)
    for start in range(0, len(labels), BLOCK):
        queries = np.arange(start, min(start + BLOCK, len(labels)))
        nearest = _nearest_others(embeddings, queries, ranks)
        relevant[queries, :ranks] = labels[nearest] == labels[queries, None]
    found = score(relevant[asked], num_relevant[asked])
    return totals(found, [str(label) for label in labels[asked]])


def _nearest_others(
    embeddings: NDArray[np.float32], queries: NDArray[np.int64], ranks: int
) -> NDArray[np.int64]:
    """Return (len(queries), ranks) places of the most similar others, the best first."""
    distance = -(embeddings[queries] @ embeddings.T)
    distance[np.arange(len(queries)), queries] = np.inf  # An image never finds itself
    nearest = np.argpartition(distance, ranks - 1, axis=1)[:, :ranks]
    order = np.argsort(np.take_along_axis(distance, nearest, axis=1), axis=1, kind="stable")
    return np.take_along_axis(nearest, order, axis=1)
