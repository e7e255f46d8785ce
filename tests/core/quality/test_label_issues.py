"""Label issues on unit vectors whose similarities can be checked by hand."""

import numpy as np
import pytest

from core.datasets.coded import NONE
from core.quality.label_issues import content_labels, find_label_issues
from tests.factories.quality import neighbors_of
from tests.factories.vectors import at_angles

A, B = 0, 1


def test_the_wrong_label_is_first_and_the_right_one_suggested() -> None:
    vectors = at_angles(0, 1, 2, 3, 4, 5, 90, 91, 92, 93, 94, 95)
    labels = np.array([A, A, B, A, A, A, B, B, B, B, B, B], np.int32)
    found = find_label_issues(vectors, neighbors_of(vectors, 5), labels, 2)
    assert (found.rows[0], found.suggested[0]) == (2, A)
    assert found.scores[0] > 0.9
    assert found.rows.tolist() == [2]
    assert found.scores.dtype == np.dtype("f4")
    assert found.suggested.dtype == np.dtype("i4")


def test_a_copied_wrong_label_does_not_confirm_itself() -> None:
    vectors = at_angles(0, 1, 2, 2, 2, 2, 3, 4, 90, 91, 92, 93)
    labels = np.array([A, A, B, B, B, B, A, A, B, B, B, B], np.int32)
    contents = [0, 1, 2, 2, 2, 2, 3, 4, 5, 6, 7, 8]
    found = find_label_issues(vectors, neighbors_of(vectors, 3, contents), labels, 2)
    assert sorted(found.rows.tolist()) == [2, 3, 4, 5]
    assert set(found.suggested.tolist()) == {A}


def test_contradicting_copies_have_no_vote() -> None:
    labels = np.array([A, B, A, A, NONE, B], np.int32)
    contents = np.array([0, 0, 2, 2, 4, 4], np.int32)
    assert content_labels(contents, labels).tolist() == [-1, -1, A, -1, B, -1]


@pytest.mark.parametrize("labels", [[A] * 6, [NONE] * 6])
def test_with_fewer_than_two_classes_there_are_no_label_issues(labels: list[int]) -> None:
    vectors = at_angles(0, 1, 2, 90, 91, 92)
    found = find_label_issues(vectors, neighbors_of(vectors, 2), np.array(labels, np.int32), 2)
    assert len(found.rows) == 0


def test_an_unlabeled_image_has_no_vote_and_is_not_listed() -> None:
    vectors = at_angles(0, 1, 2, 3, 90, 91, 92, 93)
    labels = np.array([A, NONE, A, B, B, B, B, B], np.int32)
    found = find_label_issues(vectors, neighbors_of(vectors, 3), labels, 2)
    assert 1 not in found.rows
    assert found.rows[0] == 3
