"""Data and events of a scatter plot.

Shapes, in this file: N points, C map dimensions.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from core.maps.density import Density
from core.maps.tiles import MAX_POINTS

PALETTE = (
    # Distinct in OKLab and readable on white and black; the first ones are the most distinct
    *("#2368d5", "#a8cf2d", "#f46396", "#467238", "#1fd5ea", "#7d5577", "#f39e13", "#9b7bf4"),
    *("#b31c4e", "#f292f6", "#aeb8f4", "#e45e22", "#974c16", "#7441bb", "#2fa3f6", "#f6a4a2"),
    *("#af84a6", "#226f88", "#b744a5", "#39a29f", "#499f17", "#09ce8d", "#9f810d", "#aab37f"),
)
"""Colors of groups without one of their own; scatter_draw.js knows their number."""

SCALE = ((0, "#5e2a8c"), (0.25, "#b0357f"), (0.5, "#e8605a"), (0.75, "#f7a13c"), (1, "#d8d92b"))
"""Colors of numbers, ascending: lightness increases evenly, and both ends are visible on white and
black."""

MAX_GROUPS = 1 << 16
MAX_CORNERS = 10_000
"""Most corners of a lasso; one drawn by hand has a few hundred."""

Kind = Literal["lasso", "box", "click", "clear"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ScatterData:
    """Points colored by group or by a number.

    Raises:
        ValueError: The arrays differ in length, or a group has no name.
    """

    points: NDArray[np.float32]
    """(N, 2) or (N, 3), in map units; all axes have the same scale."""

    groups: NDArray[np.integer[Any]]
    """(N,), places in `group_names`."""

    group_names: Sequence[str]
    """Names in the legend, at most 65,536; shown as plain text, never as HTML."""

    group_colors: Sequence[str] = ()
    """Color of each group as #rrggbb; distinct colors if empty."""

    values: NDArray[np.float32] | None = None
    """(N,) numbers to color by instead of groups."""

    value_title: str = ""
    """Title of the color bar."""

    density: Density | None = None
    """Density to draw as contours on a 2D plot."""

    frames: Sequence[tuple[str, NDArray[np.float32]]] = ()
    """(name, (N, 2) positions) of the same points at several times, selected by a slider; the last
    positions are `points`."""

    version: str
    """Version of the data: while it is the same, the plot keeps its view, selection and legend."""

    @property
    def is_tiled(self) -> bool:
        """Whether there are so many points that the browser gets tiles instead of all of them."""
        return len(self.points) > MAX_POINTS and self.points.shape[1] == 2 and not self.frames

    def __post_init__(self) -> None:
        if len(self.points) != len(self.groups):
            lengths = len(self.points), len(self.groups)
            raise ValueError(f"points and groups must be equally long, got {lengths}")
        if any(len(points) != len(self.points) for _, points in self.frames):
            raise ValueError("every frame must have all points")
        if self.values is not None and len(self.values) != len(self.points):
            raise ValueError(f"values must be {len(self.points)}, got {len(self.values)}")
        num_groups = min(len(self.group_names), MAX_GROUPS)
        if len(self.groups) and not 0 <= self.groups.min() <= self.groups.max() < num_groups:
            raise ValueError(f"groups must be in 0..{num_groups - 1}")


@dataclass(frozen=True, slots=True)
class Highlight:
    """A point or a star, with lines to its neighbors.

    All other points are dimmed if a point is highlighted and the points are colored by group.
    """

    point: int | None = None
    """Place of the point, 0..N-1."""

    neighbors: Sequence[int] = ()
    """Places of its neighbors, 0..N-1."""

    star: Sequence[float] = ()
    """Position of the star in map units, instead of a point."""


@dataclass(frozen=True, slots=True)
class Pin:
    """A small image on the plot."""

    point: int
    """Place of its point, 0..N-1."""

    src: str
    """Data URI of the image."""

    title: str
    """Alternative text; plain text, never HTML."""


@dataclass(frozen=True, slots=True)
class ScatterEvent:
    """An action of the user on the plot."""

    kind: Kind
    """`clear` if the selection was removed."""

    x: tuple[float, ...] = ()
    """Corners of a lasso, or left and right edge of a box, in map units."""

    y: tuple[float, ...] = ()
    """Corners of a lasso, or lower and upper edge of a box, in map units."""

    index: int | None = None
    """Place of the clicked point."""

    hidden: tuple[int, ...] = ()
    """Of a lasso or box: groups hidden by the legend, whose points are not selected."""

    frame: int | None = None
    """Of a lasso or box: the frame that it was drawn on, if there are several."""


def read_event(sent: object, data: ScatterData) -> ScatterEvent | None:
    """Return the event that the browser sent; None if it is invalid."""
    if not isinstance(sent, dict) or sent.get("kind") not in get_args(Kind):
        return None
    kind: Kind = sent["kind"]
    if kind == "clear":
        return ScatterEvent(kind)
    if kind == "click":
        index = sent.get("index")
        known = isinstance(index, int) and 0 <= index < len(data.points)
        return ScatterEvent(kind, index=index) if known else None
    x, y, hidden = (_read_numbers(sent.get(name)) for name in ("x", "y", "hidden"))
    fitting = len(x) == 2 if kind == "box" else 3 <= len(x) <= MAX_CORNERS
    if len(x) != len(y) or not fitting:
        return None
    if kind == "box":
        x, y = tuple(sorted(x)), tuple(sorted(y))
    frame = sent.get("frame")
    known = isinstance(frame, int) and 0 <= frame < len(data.frames)
    return ScatterEvent(kind, x, y, hidden=tuple(map(int, hidden)), frame=frame if known else None)


def _read_numbers(sent: object) -> tuple[float, ...]:
    if not isinstance(sent, list) or len(sent) > MAX_GROUPS:
        return ()
    good = all(isinstance(value, int | float) and isfinite(value) for value in sent)
    return tuple(map(float, sent)) if good else ()


def encode_points(data: ScatterData, places: NDArray[np.int64] | None = None) -> dict[str, Any]:
    """Return the points at (M,) places, or all of them, as the browser decodes them."""
    axes = ("x", "y", "z")[: data.points.shape[1]]
    columns: dict[str, tuple[NDArray[Any] | None, str]] = {
        **{name: (data.points[:, place], "<f4") for place, name in enumerate(axes)},
        "groups": (data.groups, "<u2"),
        "values": (data.values, "<f4"),
    }
    chosen = slice(None) if places is None else places
    encoded: dict[str, Any] = {
        name: None if column is None else encode(column[chosen], dtype)
        for name, (column, dtype) in columns.items()
    }
    return encoded if places is None else encoded | {"places": encode(places, "<u4")}


def encode(values: NDArray[Any], dtype: str) -> str:
    """Return an array in base64."""
    return base64.b64encode(np.ascontiguousarray(values, dtype).tobytes()).decode("ascii")
