"""Representativeness."""

import numpy as np

from core.quality.ranking import representativeness
from tests.factories.vectors import at_angles

A, B = 0, 1


def test_the_most_typical_image_is_nearest_to_the_mean_of_the_others() -> None:
    vectors = at_angles(0, 10, 20, 100, 45)
    labels = np.array([A, A, A, A, B], np.int32)
    most = representativeness(vectors, labels)
    assert most.rows.tolist()[-1] == 3
    assert 4 not in most.rows  # Alone in its class
    np.testing.assert_allclose(most.scores[-1], np.cos(np.deg2rad(90)), atol=1e-6)
    least = representativeness(vectors, labels, most_first=False)
    assert least.rows.tolist() == most.rows.tolist()[::-1]
