"""Outlier scores."""

import numpy as np

from core.quality.outliers import outlierness
from tests.factories.embeddings import clusters as clustered
from tests.factories.quality import neighbors_of
from tests.factories.vectors import at_angles


def test_the_score_is_the_mean_distance_to_the_neighbors() -> None:
    found = outlierness(neighbors_of(at_angles(0, 60, 90), k=2))
    cos_30 = np.sqrt(3) / 2
    expected = [1 - (0.5 + 0) / 2, 1 - (cos_30 + 0.5) / 2, 1 - (cos_30 + 0) / 2]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_planted_outliers_come_first() -> None:
    draw = np.random.default_rng(1)
    vectors = np.vstack([clustered(400), draw.normal(size=(5, 16)).astype(np.float32)])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert set(np.argsort(-outlierness(neighbors_of(vectors)))[:5]) == set(range(400, 405))
