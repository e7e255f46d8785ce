"""Map quality."""

import numpy as np
import pytest
from sklearn.manifold import trustworthiness as theirs

from core.indexes.neighbors import Neighbors
from core.maps import pca, quality
from core.progress import finish
from tests.factories.maps import random_rows


def test_preservation_is_the_share_of_neighbors_that_are_near_on_the_map() -> None:
    points = np.array([[0, 0], [1, 0], [2.1, 0], [10, 0]], np.float32)
    rows = np.array([[1, 2], [2, 3], [3, 0], [2, 1]], np.int32)
    true = Neighbors(rows, np.zeros((4, 2), np.float32))
    # On the map: 0 → 1, 2; 1 → 0, 2; 2 → 1, 0; 3 → 2, 1
    assert quality.preservation(points, true).tolist() == [1.0, 0.5, 0.5, 1.0]
    assert quality.preservation(points, true).dtype == np.float32


def test_coinciding_points_are_not_their_own_neighbors() -> None:
    near = quality.nearest_on_map(np.zeros((8, 2), np.float32), 3)
    assert not (near == np.arange(8)[:, None]).any()


@pytest.mark.parametrize("k", [5, 15])
def test_trustworthiness_equals_that_of_scikit_learn(k: int) -> None:
    vectors = random_rows(300, 16)
    for points in (pca.fit(vectors, 2).project(vectors), vectors[::-1, :2].copy()):
        ours = finish(quality.trustworthiness(vectors, points, k))
        assert ours == pytest.approx(
            theirs(vectors, points, n_neighbors=k, metric="cosine"), abs=1e-3
        )


@pytest.mark.slow
def test_trustworthiness_of_many_images_is_estimated_closely() -> None:
    vectors = random_rows(quality.MAX_SAMPLED + 500, 8)
    points = pca.fit(vectors, 2).project(vectors)
    ours = finish(quality.trustworthiness(vectors, points))
    assert ours == pytest.approx(theirs(vectors, points, n_neighbors=15, metric="cosine"), abs=0.01)
