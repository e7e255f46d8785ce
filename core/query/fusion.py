"""Several images as one query, and a query moved by what was liked and disliked.

Shapes, in this file: P query images, L liked, U unliked (disliked), D embedding dimensions.
"""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.embeddings.unit_rows import unit
from core.errors import WorkbenchError

QUERY_WEIGHT, LIKED_WEIGHT, UNLIKED_WEIGHT = 1.0, 0.75, 0.15
"""Rocchio's alpha, beta and gamma, with the values that Manning, Raghavan & Schütze (2008, 9.1.1)
call reasonable: what is liked says more than what is disliked."""

MIN_LENGTH = 1e-3
"""Length below which a blend of unit vectors points nowhere."""


class Blend(StrEnum):
    """What several query images mean together."""

    MEAN = "mean"
    """One query, the mean of them: what they have in common."""

    BEST = "best"
    """Each by itself: an image counts by the query image that it is most like."""


def blend(
    asked: NDArray[np.float32],
    liked: NDArray[np.float32],
    unliked: NDArray[np.float32],
    how: Blend = Blend.MEAN,
) -> NDArray[np.float32]:
    """Return the vectors to search by: one for a mean, else one for each query image.

    Each is 1.0 of the query, 0.75 of the mean of what is liked, less 0.15 of the mean of what is
    not, scaled to unit length (Rocchio 1971). With no query image the liked ones are the query.

    Args:
        asked: (P, D) float32 unit rows.
        liked: (L, D) float32 unit rows.
        unliked: (U, D) float32 unit rows.
        how: What several query images mean.

    Returns:
        (1, D) or (P, D) float32 unit rows.

    Raises:
        WorkbenchError: The images contradict each other so that nothing is left of them.
        ValueError: There is neither a query image nor a liked one.
    """
    if not len(asked) and not len(liked):
        raise ValueError("a query needs an image, or one that is liked")
    if not len(asked):
        asked, liked = liked, liked[:0]
    if how == Blend.MEAN:
        asked = asked.mean(axis=0, keepdims=True)
    moved = np.float32(QUERY_WEIGHT) * asked
    for vectors, weight in ((liked, LIKED_WEIGHT), (unliked, -UNLIKED_WEIGHT)):
        if len(vectors):
            moved = moved + np.float32(weight) * vectors.mean(axis=0)
    if np.linalg.norm(moved, axis=1).min() < MIN_LENGTH:
        raise WorkbenchError(
            "These images cancel each other out: nothing is left to search by.",
            "Take one of them away, or search for the best match of each.",
        )
    return unit(moved.astype(np.float32))
