"""Outliers: images that are like no other.

Shapes, in this file: N images, K neighbors.
"""

import numpy as np
from numpy.typing import NDArray

from core.quality.neighbors import Neighbors

MAX_COMPARED = 10
"""Neighbors whose distance counts: a few that are strange in one way do not hide each other, and
those of a small class are not all strange. `benchmarks/quality.py` holds it to the local outlier
factor."""


def outlierness(neighbors: Neighbors) -> NDArray[np.float32]:
    """Return how far each image is from those nearest to it.

    The mean distance to the k nearest: the *weight* of Angiulli & Pizzuti (*Fast Outlier Detection
    in High Dimensional Spaces*, 2002), in cosine distance.

    Returns:
        (N,) float32 in [0, 2]: 0 has neighbors just like it, 1 none that is like it at all.
    """
    near = neighbors.similarities[:, :MAX_COMPARED]
    distances: NDArray[np.float32] = (1 - near.mean(axis=1)).astype(np.float32)
    return distances
