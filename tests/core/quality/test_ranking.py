"""Representativeness, and extreme scores."""

import numpy as np

from core.quality.ranking import num_extreme, ranked, representativeness
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


def test_extreme_scores_are_beyond_tukeys_fence_at_the_first_end() -> None:
    scores = np.array([9, 2, 2, 1, 1, 1, 1, 0, 0, -9], "f4")
    whole = ranked(np.arange(10), scores)
    assert num_extreme(whole, whole) == 1
    assert num_extreme(whole.among(np.arange(10) > 0), whole) == 0
    assert num_extreme(ranked(np.arange(10), scores, greatest_first=False), whole) == 1
    reverse = ranked(np.arange(10), scores, greatest_first=False)
    assert num_extreme(reverse.among(np.arange(10) < 9), reverse) == 0


def test_equal_scores_are_not_extreme() -> None:
    same = ranked(np.arange(4), np.ones(4, "f4"))
    assert num_extreme(same, same) == 0
    none = ranked(np.empty(0, np.int64), np.empty(0, "f4"))
    assert num_extreme(none, none) == 0
