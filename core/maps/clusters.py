"""Clusters of points on a map.

Shapes, in this file: N points, C map dimensions, M clusters.
"""

import math

import numpy as np
from numpy.typing import NDArray

NO_CLUSTER = -1
MAX_CLUSTERED = 20_000
"""Most points that HDBSCAN clusters, since its time grows with their square; the other points join
the cluster of the nearest of them."""


def find_clusters(points: NDArray[np.float32], seed: int = 0) -> NDArray[np.int32]:
    """Find dense groups of points (HDBSCAN: Campello, Moulavi & Sander 2013).

    Args:
        points: (N, C) float32.
        seed: Draws the points to cluster if there are more than 20,000.

    Returns:
        (N,) int32 cluster numbers, 0 for the largest; `NO_CLUSTER` outside all clusters.
    """
    from scipy.spatial import cKDTree
    from sklearn.cluster import HDBSCAN  # Takes a second to import

    count = len(points)
    sample = np.arange(count)
    if count > MAX_CLUSTERED:
        sample = np.random.default_rng(seed).choice(count, MAX_CLUSTERED, replace=False)
    clustering = HDBSCAN(min_cluster_size=min_cluster_size(len(sample)), copy=True)
    numbers = clustering.fit_predict(points[sample].astype(np.float64))
    if len(sample) < count:
        numbers = numbers[cKDTree(points[sample]).query(points)[1]]
    return _largest_first(numbers)


def min_cluster_size(count: int) -> int:
    """Return the fewest points of a cluster among `count`: an eighth of √N, at least 5."""
    return max(5, round(math.sqrt(count) / 8))


def _largest_first(clusters: NDArray[np.int64]) -> NDArray[np.int32]:
    numbers, sizes = np.unique(clusters[clusters != NO_CLUSTER], return_counts=True)
    order = np.argsort(-sizes, kind="stable")
    renamed = np.full(int(numbers.max(initial=-1)) + 2, NO_CLUSTER, np.int32)
    renamed[numbers[order]] = np.arange(len(numbers))
    sorted_clusters: NDArray[np.int32] = renamed[clusters]  # -1 is the last place: NO_CLUSTER
    return sorted_clusters


def medoids(points: NDArray[np.float32], clusters: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return (M,) places: the point nearest to the mean of each of M clusters."""
    order = np.argsort(clusters, kind="stable")
    order = order[np.searchsorted(clusters[order], 0) :]  # Without those outside all clusters
    numbers, starts = np.unique(clusters[order], return_index=True)
    if not len(numbers):
        return np.empty(0, np.int64)
    sizes = np.diff([*starts, len(order)])
    means = np.add.reduceat(points[order].astype(np.float64), starts) / sizes[:, None]
    offsets = np.square(points[order] - np.repeat(means, sizes, axis=0)).sum(axis=1)
    nearest = np.lexsort((offsets, np.repeat(numbers, sizes)))[starts]
    medoid_places: NDArray[np.int64] = order[nearest]
    return medoid_places
