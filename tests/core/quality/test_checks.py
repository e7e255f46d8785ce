"""Rankings and groups of the checks."""

import numpy as np

from core.quality.checks import unreviewed
from core.quality.ranking import Ranking


def test_reviewed_images_are_not_listed() -> None:
    ranking = Ranking(np.array([2, 0, 1]), np.array([3, 2, 1], "f4"), np.full(3, -1, np.int32))
    ids = np.array([10, 20, 30])
    remaining = unreviewed(ranking, ids, np.array([True, True, True]), {30})
    assert remaining.rows.tolist() == [0, 1]
    assert unreviewed(ranking, ids, np.array([True, False, True]), {30}).rows.tolist() == [0]
