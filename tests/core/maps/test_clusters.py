"""Clusters of points."""

import numpy as np

from core.maps.clusters import NO_CLUSTER, find_clusters, medoids
from tests.factories.maps import random_rows


def test_clusters_are_sorted_by_size_and_other_points_have_none() -> None:
    random = np.random.default_rng(0)
    groups = [random.normal(at, 0.1, (size, 2)) for at, size in ((0, 20), (5, 40), (9, 30))]
    points = np.vstack([*groups, [[30, -30]], [[-8, 8]]]).astype(np.float32)
    found = find_clusters(points)
    assert found.dtype == np.int32
    assert [set(found[:20]), set(found[20:60]), set(found[60:90])] == [{2}, {0}, {1}]
    assert found[90:].tolist() == [NO_CLUSTER, NO_CLUSTER]
    middles = points[medoids(points, found)]
    np.testing.assert_allclose(middles, [[5, 5], [9, 9], [0, 0]], atol=0.1)


def test_points_without_clusters_have_none() -> None:
    found = find_clusters(random_rows(5, 2))
    assert found.tolist() == [NO_CLUSTER] * 5
    assert medoids(random_rows(5, 2), found).tolist() == []
