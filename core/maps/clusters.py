"""Groups of points on a map, found without their categories.

Shapes, in this file: N points, C map dimensions, M clusters.
"""

import math

import numpy as np
from numpy.typing import NDArray

NO_CLUSTER = -1
MAX_CLUSTERED = 20_000
"""HDBSCAN grows with the square of the number; beyond, some are clustered and the others go with
the nearest of them."""


def find_clusters(points: NDArray[np.float32], seed: int = 0) -> NDArray[np.int32]:
    """Group points that lie densely together (HDBSCAN: Campello, Moulavi & Sander 2013).

    Args:
        points: (N, C) float32.
        seed: Draws those that are clustered, where there are more than 20,000.

    Returns:
        (N,) int32 cluster numbers, the largest cluster first; `NO_CLUSTER` for points between.
    """
    from scipy.spatial import cKDTree
    from sklearn.cluster import HDBSCAN  # Takes a second to import

    count = len(points)
    chosen = np.arange(count)
    if count > MAX_CLUSTERED:
        chosen = np.random.default_rng(seed).choice(count, MAX_CLUSTERED, replace=False)
    finder = HDBSCAN(min_cluster_size=smallest_cluster(len(chosen)), copy=True)
    found = finder.fit_predict(points[chosen].astype(np.float64))
    if len(chosen) < count:
        found = found[cKDTree(points[chosen]).query(points)[1]]
    return _largest_first(found)


def smallest_cluster(count: int) -> int:
    """Return from how many points on a group is called a cluster: an eighth of √N, at least 5."""
    return max(5, round(math.sqrt(count) / 8))


def _largest_first(found: NDArray[np.int64]) -> NDArray[np.int32]:
    numbers, sizes = np.unique(found[found != NO_CLUSTER], return_counts=True)
    order = np.argsort(-sizes, kind="stable")
    renamed = np.full(int(numbers.max(initial=-1)) + 2, NO_CLUSTER, np.int32)
    renamed[numbers[order]] = np.arange(len(numbers))
    clusters: NDArray[np.int32] = renamed[found]  # -1 is the last place, and stays
    return clusters


def medoids(points: NDArray[np.float32], clusters: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return for each of M clusters the point nearest to its middle: (M,) places."""
    found = []
    for number in range(int(clusters.max(initial=NO_CLUSTER)) + 1):
        members = np.flatnonzero(clusters == number)
        away = points[members] - points[members].mean(axis=0)
        found.append(members[np.square(away).sum(axis=1).argmin()])
    return np.array(found, np.int64)
