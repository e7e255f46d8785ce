"""Leave-one-out retrieval: each image of a set is a query, all the others are the gallery.

Shapes, in this file: Q images, D embedding dimensions.
"""

import numpy as np
from numpy.typing import NDArray

from core.metrics.measures import EMPTY, RANKS, measure

KS = (1, 5, RANKS)
BLOCK = 1024
"""Queries compared with all images at once, so that memory does not grow with Q²."""


def leave_one_out(embeddings: NDArray[np.float32], labels: NDArray[np.int64]) -> dict[str, float]:
    """Return the mean of each measure at ranks up to 10, over the images with a relevant image.

    Args:
        embeddings: (Q, D) float32 unit rows.
        labels: (Q,) class numbers.

    Returns:
        The measures of `core.metrics.measures.measure`, such as `map_at_10`; empty if no class has
        two images.
    """
    num_relevant = np.bincount(labels)[labels] - 1
    queries = num_relevant > 0
    if not queries.any():
        return {}
    depth = min(RANKS, len(labels) - 1)
    retrieved = np.full((len(labels), RANKS), EMPTY, np.int64)
    for start in range(0, len(labels), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(labels)))
        retrieved[rows, :depth] = labels[_nearest_others(embeddings, rows, depth)]
    measured = measure(retrieved[queries], labels[queries], num_relevant[queries], KS, to_r=False)
    return {name: float(values.mean()) for name, values in measured.items()}


def _nearest_others(
    embeddings: NDArray[np.float32], rows: NDArray[np.int64], depth: int
) -> NDArray[np.int64]:
    """Return (len(rows), depth) rows of the most similar other images, the best first."""
    distance = -(embeddings[rows] @ embeddings.T)
    distance[np.arange(len(rows)), rows] = np.inf  # An image never matches itself
    nearest = np.argpartition(distance, depth - 1, axis=1)[:, :depth]
    order = np.argsort(np.take_along_axis(distance, nearest, axis=1), axis=1, kind="stable")
    return np.take_along_axis(nearest, order, axis=1)
