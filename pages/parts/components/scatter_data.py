"""What a scatter shows, and what people do on it, as values. Drawing it is `scatter.py`'s.

Shapes, in this file: N points, C map dimensions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from core.maps.density import Density

MAX_GROUPS = 1 << 16
MAX_CORNERS = 10_000
"""A hand draws a few hundred; more is no lasso."""

Kind = Literal["lasso", "box", "click", "clear"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ScatterData:
    """The points of a map, in groups or by a number.

    Raises:
        ValueError: The arrays differ in length, or a group has no name.
    """

    points: NDArray[np.float32]
    """(N, 2) or (N, 3), in map units; one unit is as long on each axis."""

    groups: NDArray[np.integer[Any]]
    """(N,), places in `group_names`."""

    group_names: Sequence[str]
    """What the legend calls each group, at most 65,536; shown as it is, never as HTML."""

    group_colors: Sequence[str] = ()
    """The color of each group as #rrggbb; without them they are chosen to lie far apart."""

    values: NDArray[np.float32] | None = None
    """(N,) numbers that the points are colored by, instead of by group."""

    value_title: str = ""
    """What the color bar calls them."""

    density: Density | None = None
    """Draws contours; of a map in 2D."""

    frames: Sequence[tuple[str, NDArray[np.float32]]] = ()
    """What the same points are called and where they lie (N, 2) at several times, the last one
    being `points`: a slider moves them."""

    version: str
    """Names the points: while it stays, the plot keeps its view, its selection and its legend."""

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
    """A point or a star with its neighbors, ringed and joined by lines.

    Behind a point all others are dimmed, unless they are colored by a number, which is to be read.
    """

    point: int | None = None
    """Place of the point, 0..N-1."""

    neighbors: Sequence[int] = ()
    """Places of its neighbors, 0..N-1."""

    star: Sequence[float] = ()
    """In place of the point: where something lies that is no point, in map units."""


@dataclass(frozen=True, slots=True)
class Pin:
    """A small picture that stands on the map."""

    point: int
    """Place of the point that it stands on, 0..N-1."""

    src: str
    """As a data URI."""

    title: str
    """Said of it to those who cannot see it; shown as it is, never as HTML."""


@dataclass(frozen=True, slots=True)
class ScatterEvent:
    """What a person did on the map."""

    kind: Kind
    """`clear` when the selection was dismissed."""

    x: tuple[float, ...] = ()
    """Corners of a lasso, or left and right edge of a box, in map units."""

    y: tuple[float, ...] = ()
    """Corners of a lasso, or lower and upper edge of a box, in map units."""

    index: int | None = None
    """Place of the point that was clicked."""

    hidden: tuple[int, ...] = ()
    """With a lasso or box: the groups that the legend hides, whose points are not meant."""

    frame: int | None = None
    """With a lasso or box: the frame that it was drawn on, where there are several."""


def read_event(sent: object, data: ScatterData) -> ScatterEvent | None:
    """Return what the browser sent, None where it makes no sense: anybody can send anything."""
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
