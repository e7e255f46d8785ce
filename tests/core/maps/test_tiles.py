"""Tiles of a map: what is drawn of a part of it."""

from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from core.maps import tiles
from core.maps.tiles import Points, Viewport, draw_tile

RED, BLUE = (200, 0, 0), (0, 0, 200)
WHOLE = Viewport(low=(0, 0), high=(10, 10), width=20, height=20)
"""Of 10 x 10 cells, one map unit wide."""


@pytest.fixture(autouse=True)
def few_are_single(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "MAX_SINGLE", 3)
    monkeypatch.setattr(tiles, "STANDING_CELLS", 5)


def some_points(*points: tuple[float, float, int]) -> Points:
    x, y, groups = zip(*points, strict=True)
    return Points(
        points=np.column_stack([x, y]).astype(np.float32),
        colors=np.array([RED, BLUE], np.uint8),
        groups=np.array(groups),
    )


MAP = some_points((0.5, 0.5, 0), (0.6, 0.5, 0), (0.5, 9.5, 1), (9.5, 9.5, 0), (9.4, 9.5, 1))


def pixels(png: bytes | None) -> NDArray[np.uint8]:
    assert png is not None
    return np.asarray(Image.open(BytesIO(png)))


def test_a_part_with_few_points_has_all_of_them_and_no_picture() -> None:
    part = Viewport(low=(9, 9), high=(10, 10), width=20, height=20)
    tile = draw_tile(MAP, part)
    assert tile.png is None
    assert tile.places.tolist() == [3, 4]
    assert tile.places.dtype == np.int64


def test_the_picture_has_the_mean_color_of_each_cell_and_north_at_the_top() -> None:
    picture = pixels(draw_tile(MAP, WHOLE).png)
    assert picture.shape == (10, 10, 4)
    assert picture.dtype == np.uint8
    assert picture[9, 0].tolist() == [*RED, 255]  # The fullest cells are opaque
    assert picture[0, 0, :3].tolist() == [*BLUE]
    assert picture[0, 9].tolist() == [100, 0, 100, 255]
    assert 60 < picture[0, 0, 3] < 255
    assert np.count_nonzero(picture[:, :, 3]) == 3


def test_a_point_of_some_cells_stands_for_the_others() -> None:
    places = draw_tile(MAP, WHOLE).places.tolist()
    assert len(places) == 3  # One of each quarter that has any
    assert 2 in places
    assert len({0, 1} & set(places)) == len({3, 4} & set(places)) == 1


def test_hidden_groups_are_left_out() -> None:
    tile = draw_tile(MAP, WHOLE, hidden=(1, 7))
    assert tile.places.tolist() == [0, 1, 3]
    assert draw_tile(MAP, WHOLE, hidden=(0, 1)).places.tolist() == []


def test_points_that_are_not_selected_are_faded() -> None:
    selected = np.array([False, False, True, True, True])
    picture = pixels(draw_tile(MAP, WHOLE, selected=selected).png)
    assert picture[9, 0, 3] < picture[0, 0, 3] < picture[0, 9, 3] == 255
    assert picture[9, 0, :3].tolist() == [*RED]


def test_points_on_the_edge_of_the_map_are_in_its_picture() -> None:
    corners = some_points((0, 0, 0), (10, 10, 0), (0, 10, 0), (10, 0, 0))
    picture = pixels(draw_tile(corners, WHOLE).png)
    assert np.count_nonzero(picture[[0, 0, -1, -1], [0, -1, 0, -1], 3]) == 4
