"""Tiles of a map: the density of the points in a part of it as a picture, and the points in it.

A map of a million points is drawn as one picture of the part that is shown. The points of a part
with few of them are drawn one by one; in others one point of each of some cells stands for the
others, so that it can be hovered and clicked.

Shapes, in this file: N points, M points of a tile, H rows and W columns of cells, G groups.
"""

from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.maps.selection import in_box

MAX_POINTS = 150_000
"""A map with more points is drawn as tiles."""

MAX_SINGLE = 20_000
"""Most points that are drawn one by one in a tile."""

CELL_PX = 2
"""Pixels of a cell of the picture, in each direction."""

STANDING_CELLS = 6
"""Cells of the picture, in each direction, with one point that stands for the others."""

MIN_ALPHA = 0.25
"""Opacity of a cell with a single point; that of the fullest cell is 1."""

FADED = 0.12
"""Opacity of points that are not selected, as a share of that of the others."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Viewport:
    """A part of a map, and its size on the screen."""

    low: tuple[float, float]
    """Left and lower edge, in map units."""

    high: tuple[float, float]
    """Right and upper edge, in map units."""

    width: int
    """In pixels."""

    height: int
    """In pixels."""

    @property
    def shape(self) -> tuple[int, int]:
        """H and W of its picture."""
        return max(self.height // CELL_PX, 1), max(self.width // CELL_PX, 1)


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """What is drawn of a viewport."""

    png: bytes | None
    """(H, W) RGBA picture of the density as a PNG; None if all of the points are drawn."""

    places: NDArray[np.int64]
    """(M,) places of the points that can be hovered and clicked, ascending: all points of the
    viewport if there is no picture."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Points:
    """The points of a map, with their colors."""

    points: NDArray[np.float32]
    """(N, 2), in map units."""

    colors: NDArray[np.uint8]
    """(G, 3) RGB of each group, or of each step of a color scale."""

    groups: NDArray[np.integer[Any]]
    """(N,) places in `colors`."""


def draw_tile(
    drawn: Points,
    viewport: Viewport,
    *,
    hidden: tuple[int, ...] = (),
    selected: NDArray[np.bool_] | None = None,
) -> Tile:
    """Draw a part of a map.

    Args:
        drawn: All points.
        viewport: The part.
        hidden: Groups that are left out.
        selected: (N,) points that are not faded; all if None.
    """
    inside = in_box(drawn.points, np.asarray(viewport.low), np.asarray(viewport.high))
    if hidden:
        is_shown = np.ones(len(drawn.colors), np.bool_)
        is_shown[[group for group in hidden if group < len(is_shown)]] = False
        inside &= is_shown[drawn.groups]
    places = np.flatnonzero(inside)
    if len(places) <= MAX_SINGLE:
        return Tile(None, places)
    rows, columns = _cells(drawn.points[places], viewport)
    height, width = viewport.shape
    cells = rows * width + columns
    weights = None
    if selected is not None:
        weights = np.where(selected[places], 1.0, FADED)
    picture = _picture(cells, drawn.groups[places], drawn.colors, (height, width), weights)
    standing = np.full(height * width, -1, np.int64)
    standing[rows // STANDING_CELLS * width + columns // STANDING_CELLS] = places  # The last one
    return Tile(_as_png(picture), np.sort(standing[standing >= 0]))


def _cells(
    points: NDArray[np.float32], viewport: Viewport
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the (M,) rows, from the top, and columns of the cells of (M, 2) points."""
    low, high = np.asarray(viewport.low), np.asarray(viewport.high)
    height, width = viewport.shape
    shares = (points - low) / np.maximum(high - low, np.finfo(np.float32).tiny)
    columns = np.clip((shares[:, 0] * width).astype(np.int64), 0, width - 1)
    rows = np.clip(((1 - shares[:, 1]) * height).astype(np.int64), 0, height - 1)
    return rows, columns


def _picture(
    cells: NDArray[np.int64],
    groups: NDArray[np.integer[Any]],
    colors: NDArray[np.uint8],
    shape: tuple[int, int],
    weights: NDArray[np.float64] | None,
) -> NDArray[np.uint8]:
    """Return (H, W, 4): the mean color of each cell's points; its opacity grows with their number.

    Args:
        cells: (M,) cell of each point, from 0 to H · W - 1.
        groups: (M,) places in `colors`.
        colors: (G, 3).
        shape: H and W.
        weights: (M,) weights in (0, 1] of the points; 1 if None.
    """
    size = shape[0] * shape[1]
    amounts = np.bincount(cells, weights, minlength=size)
    picture = np.zeros((size, 4), np.uint8)
    full = np.flatnonzero(amounts)
    for channel in range(3):
        values = colors[groups, channel].astype(np.float64)
        sums = np.bincount(cells, values if weights is None else values * weights, minlength=size)
        picture[full, channel] = sums[full] / amounts[full]
    logs = np.log1p(amounts[full])
    alphas = MIN_ALPHA + (1 - MIN_ALPHA) * logs / logs.max()
    picture[full, 3] = 255 * alphas * np.minimum(amounts[full], 1)  # Below 1 if all are faded
    return picture.reshape(*shape, 4)


def _as_png(picture: NDArray[np.uint8]) -> bytes:
    file = BytesIO()
    Image.fromarray(picture).save(file, "PNG", compress_level=1)
    return file.getvalue()
