"""Map quality: neighborhood preservation and trustworthiness.

Shapes, in this file: N images, D embedding dimensions, C map dimensions, K neighbors.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from core.indexes.neighbors import Neighbors
from core.progress import Progress, Work

NEIGHBORS = 15
"""Neighbors that are compared, UMAP's default."""

MAX_SAMPLED = 2_000
"""Most images that the trustworthiness is estimated from; each is compared with all others, so its
time would grow with the square of their number."""

BLOCK_CELLS = 1 << 26
"""Similarities that are held at once: 256 MB."""


def nearest_on_map(points: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Return (N, `k`) places of the nearest other points of each of (N, C), the nearest first."""
    count = len(points)
    _, places = cKDTree(points).query(points, k + 1)
    # A point that coincides with others need not be its own nearest
    order = np.argsort(places == np.arange(count)[:, None], axis=1, kind="stable")[:, :k]
    nearest: NDArray[np.int64] = np.take_along_axis(places, order, axis=1)
    return nearest


def preservation(points: NDArray[np.float32], neighbors: Neighbors) -> NDArray[np.float32]:
    """Return the (N,) float32 neighborhood preservation of (N, C) float32 points, in [0, 1].

    It is the share of a point's K nearest neighbors in the embedding space that are among its K
    nearest points on the map.
    """
    k = neighbors.rows.shape[1]
    near = nearest_on_map(points, k)
    preserved = (neighbors.rows[:, :, None] == near[:, None, :]).any(axis=2)
    share: NDArray[np.float32] = preserved.mean(axis=1, dtype=np.float32)
    return share


def trustworthiness(
    vectors: NDArray[np.float32],
    points: NDArray[np.float32],
    k: int = NEIGHBORS,
    seed: int = 0,
) -> Work[float]:
    """Return the trustworthiness of a map (Venna & Kaski 2001).

    Each of the `k` nearest points of an image that is not among its `k` nearest neighbors in the
    embedding space is penalized by its rank there. 1 means no such points, a random layout has
    about 0.5. With more than 2,000 images it is estimated from 2,000 of them.

    Args:
        vectors: (N, D) float32 unit rows, ranked by cosine similarity.
        points: (N, C) float32.
        k: Neighbors, less than N / 2.
        seed: Draws the sampled images.
    """
    count = len(points)
    near = nearest_on_map(points, k)
    sample = np.arange(count)
    if count > MAX_SAMPLED:
        sample = np.sort(np.random.default_rng(seed).choice(count, MAX_SAMPLED, replace=False))
    penalty = 0
    block = min(256, max(1, BLOCK_CELLS // count))
    for start in range(0, len(sample), block):
        rows = sample[start : start + block]
        similarities = vectors[rows] @ vectors.T
        similarities[np.arange(len(rows)), rows] = np.inf  # The image itself has rank 0
        for place in range(k):
            own = np.take_along_axis(similarities, near[rows, place, None], axis=1)
            ranks = (similarities > own).sum(axis=1)
            penalty += int(np.maximum(ranks - k, 0).sum())
        yield Progress(start + len(rows), len(sample), "measuring the quality of the map")
    return 1 - 2 * penalty / (len(sample) * k * (2 * count - 3 * k - 1))
