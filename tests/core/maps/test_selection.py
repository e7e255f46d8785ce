"""Points in a lasso and in a box, on shapes that can be drawn on squared paper."""

import csv
import io

import numpy as np
import pytest
from numpy.typing import NDArray

from core.indexes.neighbors import Neighbors
from core.maps.coloring import predict
from core.maps.selection import (
    count_classes,
    in_box,
    in_polygon,
    most_central,
    nearest_to,
    selection_as_csv,
    share_among,
    summarize,
)
from tests.factories.rows import image_row

SQUARE = [(0, 0), (4, 0), (4, 4), (0, 4)]


def points(*pairs: tuple[float, float]) -> NDArray[np.float32]:
    return np.array(pairs, np.float32).reshape(-1, 2)


def polygon(*corners: tuple[float, float]) -> NDArray[np.float64]:
    return np.array(corners, np.float64).reshape(-1, 2)


def test_a_square_holds_its_middle_and_nothing_beside_it() -> None:
    around = points((2, 2), (5, 2), (-1, 2), (2, 5), (2, -1), (5, 5))
    inside = in_polygon(around, polygon(*SQUARE))
    assert inside.tolist() == [True, False, False, False, False, False]
    assert inside.shape == (6,)
    assert inside.dtype == np.bool_


def test_the_notch_of_a_concave_shape_is_outside() -> None:
    # A "U": its notch is 1 < x < 3, y > 1
    u = polygon((0, 0), (4, 0), (4, 4), (3, 4), (3, 1), (1, 1), (1, 4), (0, 4))
    assert in_polygon(points((0.5, 3), (2, 3), (3.5, 3), (2, 0.5)), u).tolist() == [
        True,
        False,
        True,
        True,
    ]


def test_both_halves_of_a_figure_eight_are_inside() -> None:
    eight = polygon((0, 0), (2, 2), (2, 0), (0, 2))  # crosses itself at (1, 1)
    assert in_polygon(points((0.2, 1), (1.8, 1), (1, 0.2), (1, 1.8)), eight).tolist() == [
        True,
        True,
        False,
        False,
    ]


def test_what_a_lasso_goes_around_twice_is_outside() -> None:
    inner = [(1, 1), (3, 1), (3, 3), (1, 3)]
    twice = polygon(*SQUARE, (0, 0), (1, 1), *inner[1:], (1, 1), (0, 0))
    assert in_polygon(points((2, 2), (0.5, 2)), twice).tolist() == [False, True]


def test_a_ray_through_a_corner_crosses_it_once() -> None:
    # Both points are level with the diamond's left and right corner
    diamond = polygon((0, -2), (2, 0), (0, 2), (-2, 0))
    assert in_polygon(points((0, 0), (-3, 0), (3, 0)), diamond).tolist() == [True, False, False]
    # and these with its top and bottom one
    assert in_polygon(points((-1, 2), (-1, -2)), diamond).tolist() == [False, False]


@pytest.mark.parametrize("turned", [SQUARE, SQUARE[::-1], SQUARE[2:] + SQUARE[:2]])
def test_neither_direction_nor_first_corner_matters(turned: list[tuple[float, float]]) -> None:
    assert in_polygon(points((1, 1), (6, 1)), polygon(*turned)).tolist() == [True, False]


@pytest.mark.parametrize("corners", [[], [(1, 1)], [(0, 0), (2, 2)]])
def test_less_than_a_triangle_holds_nothing(corners: list[tuple[float, float]]) -> None:
    assert in_polygon(points((1, 1), (0, 0)), polygon(*corners)).tolist() == [False, False]


def test_an_empty_map_has_nothing_to_select() -> None:
    assert in_polygon(points(), polygon(*SQUARE)).shape == (0,)
    assert in_box(points(), np.zeros(2), np.ones(2)).shape == (0,)


def test_a_circle_holds_the_points_nearer_than_its_radius() -> None:
    random = np.random.default_rng(0)
    cloud = random.uniform(-2, 2, (20_000, 2)).astype(np.float32)
    angles = np.linspace(0, 2 * np.pi, 1000, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    radius = np.linalg.norm(cloud.astype(np.float64), axis=1)
    clear = abs(radius - 1) > 1e-4  # the 1000-gon lies up to 5e-6 inside the circle
    assert np.array_equal(in_polygon(cloud, circle)[clear], (radius < 1)[clear])


def test_a_box_holds_its_edges() -> None:
    low, high = np.array([0.0, 1.0]), np.array([2.0, 3.0])
    around = points((1, 2), (0, 1), (2, 3), (2.5, 2), (1, 0.5), (-0.5, 2), (1, 3.5))
    inside = in_box(around, low, high)
    assert inside.tolist() == [True, True, True, False, False, False, False]
    assert inside.dtype == np.bool_


def test_the_nearest_points_include_the_point_itself() -> None:
    around = points((0, 0), (1, 0), (5, 5), (0, 2))
    nearest = nearest_to(around, 0, 3)
    assert sorted(nearest.tolist()) == [0, 1, 3]
    assert nearest_to(around, 0, 9).shape == (4,)


def test_the_most_central_points_are_nearest_to_the_median() -> None:
    around = points((0, 0), (1, 0), (2, 0), (100, 0), (1.2, 0))  # The median is (1.2, 0)
    assert most_central(around, 2).tolist() == [4, 1]
    assert most_central(around, 9).shape == (5,)


CLASSES = ["a", "b"]
LABELS = np.array([0, 0, 1, -1], np.int32)
NEIGHBORS = Neighbors(
    np.array([[1, 2], [0, 3], [0, 1], [2, 0]], np.int32), np.zeros((4, 2), np.float32)
)


def test_a_summary_has_the_classes_and_the_precision_of_the_selection() -> None:
    summary = summarize(np.array([0, 1, 3]), CLASSES, LABELS, NEIGHBORS)
    assert (summary.num_images, summary.classes) == (3, [("a", 2)])
    # 0 retrieves a and b, 1 retrieves a and an unlabeled image, 3 has no label
    assert summary.precision == pytest.approx((1 / 2 + 1 / 2) / 2)
    assert summary.confused == [("a", "b", 1)]
    assert summarize(np.array([3]), CLASSES, LABELS, NEIGHBORS).precision is None


def test_classes_are_counted_without_unlabeled_images() -> None:
    assert count_classes(["b", "a", None, "b"]) == [("b", 2), ("a", 1)]


def test_the_share_of_neighbors_among_other_images() -> None:
    assert share_among(np.array([0, 1]), np.array([0, 1]), NEIGHBORS) == pytest.approx(1 / 2)


def test_the_vote_is_the_most_frequent_class_and_the_nearest_of_equals() -> None:
    assert predict(LABELS, NEIGHBORS).tolist() == [0, 0, 0, 1]


def test_selected_images_are_exported_as_csv() -> None:
    images = [image_row(1)._replace(label="a, b"), image_row(2)._replace(label=None)]
    content = selection_as_csv(images, ["b", None], np.array([0.5, 1 / 3], np.float32))
    rows = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    assert [row["label"] for row in rows] == ["a, b", ""]
    assert [row["knn_vote"] for row in rows] == ["b", ""]
    assert [row["neighborhood_preservation"] for row in rows] == ["0.5", "0.3333"]
