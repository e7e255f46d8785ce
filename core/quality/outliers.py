"""Outlier scores: the mean distance of an image to its nearest neighbors.

Shapes, in this file: N images, K neighbors.
"""

import numpy as np
from numpy.typing import NDArray

from core.quality.neighbors import Neighbors

MAX_COMPARED = 10
"""Neighbors in the mean: enough that a few similar outliers do not hide each other, and few enough
that not all images of a small class score high. `benchmarks/quality.py` compares the score with the
local outlier factor."""


def outlierness(neighbors: Neighbors) -> NDArray[np.float32]:
    """Return the outlier score of each image.

    It is the mean cosine distance to the k nearest neighbors, the *weight* of Angiulli & Pizzuti
    (*Fast Outlier Detection in High Dimensional Spaces*, 2002).

    Returns:
        (N,) float32 in [0, 2]: 0 with identical neighbors, 1 with unrelated ones.
    """
    near = neighbors.similarities[:, :MAX_COMPARED]
    distances: NDArray[np.float32] = (1 - near.mean(axis=1)).astype(np.float32)
    return distances
