"""Clusters of similar images."""

import numpy as np
import pytest

from core.quality.clusters import describe, find_clusters
from tests.factories.embeddings import clusters as clustered
from tests.factories.quality import image_labels_of, neighbors_of
from tests.factories.vectors import at_angles

A, B = 0, 1


def test_clusters_equal_those_of_hdbscan_on_all_distances() -> None:
    from sklearn.cluster import HDBSCAN
    from sklearn.metrics import adjusted_rand_score

    vectors = clustered(600)
    ours = find_clusters(neighbors_of(vectors, 30), 10)
    theirs = HDBSCAN(min_cluster_size=10, min_samples=2, copy=True).fit(vectors).labels_
    assert ours.dtype == np.int32
    assert adjusted_rand_score(ours, theirs) > 0.99


def test_unconnected_parts_of_the_graph_are_clusters() -> None:
    around = [center + step for center in (0, 90, 180) for step in range(12)]
    found = find_clusters(neighbors_of(at_angles(*around), 5), 10)
    assert len(set(found[:12])) == len(set(found[12:24])) == len(set(found[24:])) == 1
    assert set(found.tolist()) == {0, 1, 2}


def test_a_cluster_has_its_classes_and_its_medoid_first() -> None:
    vectors = at_angles(0, 10, 40, 90, 91)
    found = describe(vectors, np.array([0, 0, 0, 1, 1], np.int32), image_labels_of(A, A, B, B, B))
    mixed, pure = found
    assert (mixed.number, mixed.mix, mixed.num_others) == (0, (("a", 2), ("b", 1)), 1)
    assert mixed.purity == pytest.approx(2 / 3)
    assert mixed.rows[0] == 1
    mean = (np.cos(np.deg2rad(10)) + 1 + np.cos(np.deg2rad(30))) / 3
    assert mixed.similarities[0] == pytest.approx(mean, abs=1e-6)
    assert (pure.purity, pure.num_others) == (1, 0)
