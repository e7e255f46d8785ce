"""Summary and export of selected images, on a map that can be checked by hand."""

import csv
import io

import numpy as np
import pytest

from core.maps.coloring import predict
from core.maps.neighbors import Neighbors
from core.maps.selection_summary import (
    count_classes,
    selection_as_csv,
    share_among,
    summarize,
)
from tests.factories.rows import image_row

LABELS = ["a", "a", "b", None]
NEIGHBORS = Neighbors(
    np.array([[1, 2], [0, 3], [0, 1], [2, 0]], np.int32), np.zeros((4, 2), np.float32)
)


def test_a_summary_has_the_classes_and_the_precision_of_the_selection() -> None:
    summary = summarize(np.array([0, 1, 3]), LABELS, NEIGHBORS)
    assert (summary.num_images, summary.classes) == (3, [("a", 2)])
    # 0 retrieves a and b, 1 retrieves a and an unlabeled image, 3 has no label
    assert summary.precision == pytest.approx((1 / 2 + 1 / 2) / 2)
    assert summary.confused == [("a", "b", 1)]
    assert summarize(np.array([3]), LABELS, NEIGHBORS).precision is None


def test_classes_are_counted_without_unlabeled_images() -> None:
    assert count_classes(["b", "a", None, "b"]) == [("b", 2), ("a", 1)]


def test_the_share_of_neighbors_among_other_images() -> None:
    assert share_among(np.array([0, 1]), np.array([0, 1]), NEIGHBORS) == pytest.approx(1 / 2)


def test_the_vote_is_the_most_frequent_class_and_the_nearest_of_equals() -> None:
    assert predict(LABELS, NEIGHBORS) == ["a", "a", "a", "b"]


def test_selected_images_are_exported_as_csv() -> None:
    images = [image_row(1)._replace(label="a, b"), image_row(2)._replace(label=None)]
    content = selection_as_csv(images, ["b", None], np.array([0.5, 1 / 3], np.float32))
    rows = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    assert [row["label"] for row in rows] == ["a, b", ""]
    assert [row["knn_vote"] for row in rows] == ["b", ""]
    assert [row["neighborhood_preservation"] for row in rows] == ["0.5", "0.3333"]
