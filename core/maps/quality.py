"""How far a map can be trusted: what is near on it, and what is near in the embedding space.

Shapes, in this file: N images, D embedding dimensions, C map dimensions, K neighbors, S images
looked at.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from core.maps.neighbors import Neighbors
from core.progress import Progress, Work

NEIGHBORS = 15
"""Neighbors that are compared; UMAP's default for what a map tries to keep."""

MAX_JUDGED = 2_000
"""Images that the trustworthiness is taken over; each is compared with all, so it would grow with
the square of their number."""

BLOCK = 256


def nearest_on_map(points: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Return the (N, `k`) nearest other points of each of (N, C), the nearest first."""
    count = len(points)
    _, found = cKDTree(points).query(points, k + 1)
    # A point that coincides with others need not be its own nearest
    order = np.argsort(found == np.arange(count)[:, None], axis=1, kind="stable")[:, :k]
    nearest: NDArray[np.int64] = np.take_along_axis(found, order, axis=1)
    return nearest


def preservation(points: NDArray[np.float32], neighbors: Neighbors) -> NDArray[np.float32]:
    """Return for each point the share of its true neighbors that are among its nearest on the map.

    Args:
        points: (N, C) float32.
        neighbors: (N, K), the true ones; as many are looked at on the map.

    Returns:
        (N,) float32 in [0, 1]: the neighborhood preservation of each point.
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
    """Return how seldom the map puts strangers together (Venna & Kaski 2001).

    Each of a point's `k` nearest on the map that is not one of its `k` true ones counts by how far
    down the true ranking it is: 1 is a map without strangers, about 0.5 one laid out by chance.
    Over more than 2,000 images it is estimated from 2,000 of them.

    Args:
        vectors: (N, D) float32 unit rows, by whose cosine the true ranking goes.
        points: (N, C) float32.
        k: Neighbors, less than N / 2.
        seed: Draws the images looked at.
    """
    count = len(points)
    near = nearest_on_map(points, k)
    judged = np.arange(count)
    if count > MAX_JUDGED:
        judged = np.sort(np.random.default_rng(seed).choice(count, MAX_JUDGED, replace=False))
    penalty = 0
    for start in range(0, len(judged), BLOCK):
        rows = judged[start : start + BLOCK]
        similar = vectors[rows] @ vectors.T
        similar[np.arange(len(rows)), rows] = np.inf  # The image itself is of rank 0
        for place in range(k):
            own = np.take_along_axis(similar, near[rows, place, None], axis=1)
            ranks = (similar > own).sum(axis=1)
            penalty += int(np.maximum(ranks - k, 0).sum())
        yield Progress(start + len(rows), len(judged), "judging the map")
    return 1 - 2 * penalty / (len(judged) * k * (2 * count - 3 * k - 1))
