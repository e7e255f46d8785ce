"""Fusion: several query images and examples combined into the vectors that are searched by.

Shapes, in this file: P query images, L positive examples, U negative ones, D embedding dimensions.
"""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.embeddings.unit_rows import unit
from core.errors import WorkbenchError

QUERY_WEIGHT, POSITIVE_WEIGHT, NEGATIVE_WEIGHT = 1.0, 0.75, 0.15
"""Rocchio's alpha, beta and gamma, with the values that Manning, Raghavan & Schütze (2008, 9.1.1)
call reasonable: positive examples count more than negative ones."""

MIN_LENGTH = 1e-3
"""Length below which a sum of unit vectors has no meaningful direction."""


class Fusion(StrEnum):
    """How several query images are combined."""

    MEAN = "mean"
    """One query: the mean of the images."""

    BEST = "best"
    """One search each: an image's similarity is that with its most similar query image."""


def fuse(
    queries: NDArray[np.float32],
    positives: NDArray[np.float32],
    negatives: NDArray[np.float32],
    fusion: Fusion = Fusion.MEAN,
) -> NDArray[np.float32]:
    """Return the vectors to search by: one for a mean, else one for each query image.

    Each is 1.0 of the query plus 0.75 of the mean of the positive examples less 0.15 of the mean
    of the negative ones, scaled to unit length (Rocchio 1971). Without a query image the positive
    examples are the query.

    Args:
        queries: (P, D) float32 unit rows.
        positives: (L, D) float32 unit rows.
        negatives: (U, D) float32 unit rows.
        fusion: How several query images are combined.

    Returns:
        (1, D) or (P, D) float32 unit rows.

    Raises:
        WorkbenchError: The images cancel each other out.
        ValueError: There is neither a query image nor a positive example.
    """
    if not len(queries) and not len(positives):
        raise ValueError("a query needs an image or a positive example")
    if not len(queries):
        queries, positives = positives, positives[:0]
    if fusion == Fusion.MEAN:
        queries = queries.mean(axis=0, keepdims=True)
    moved = np.float32(QUERY_WEIGHT) * queries
    for vectors, weight in ((positives, POSITIVE_WEIGHT), (negatives, -NEGATIVE_WEIGHT)):
        if len(vectors):
            moved = moved + np.float32(weight) * vectors.mean(axis=0)
    if np.linalg.norm(moved, axis=1).min() < MIN_LENGTH:
        raise WorkbenchError(
            "The query images cancel each other out.",
            "Remove one of them, or combine them by best match.",
        )
    return unit(moved.astype(np.float32))
