"""A map of many points, drawn by WebGL. What a point is, and which are selected, is the page's.

Streamlit's own plotly chart sends every selected point back, and again with each later click; this
one sends the outline (a kilobyte), and `core.maps.selection` finds the points.

Shapes, in this file: N points, C map dimensions.
"""

import base64
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.maps.density import Density
from pages.parts.plotly_script import ensure_plotly_script

ASSETS = Path(__file__).parent / "assets"
MODULE = (
    "scatter.js",
    "scatter_draw.js",
    "scatter_marks.js",
    "scatter_hover.js",
    "scatter_select.js",
    "plotly_loader.js",
)
"""Joined, for a component's code is one file."""

MOST_GROUPS = 1 << 16
MOST_CORNERS = 10_000
"""A hand draws a few hundred; more is no lasso."""

HTML = """
<div class="workbench-scatter">
  <div class="workbench-scatter-plot"></div>
  <div class="workbench-scatter-pictures"></div>
  <div class="workbench-scatter-ring" hidden></div>
  <div class="workbench-scatter-tip" hidden><img alt="" hidden><span></span></div>
  <p class="workbench-scatter-problem" role="alert" hidden></p>
</div>
"""

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

    group_colours: Sequence[str] = ()
    """The colour of each group as #rrggbb; without them they are chosen to lie far apart."""

    values: NDArray[np.float32] | None = None
    """(N,) numbers that the points are coloured by, instead of by group."""

    value_title: str = ""
    """What the colour bar calls them."""

    density: Density | None = None
    """Draws contours; of a map in 2D."""

    version: str
    """Names the points: while it stays, the plot keeps its view, its selection and its legend."""

    def __post_init__(self) -> None:
        if len(self.points) != len(self.groups):
            lengths = len(self.points), len(self.groups)
            raise ValueError(f"points and groups must be equally long, got {lengths}")
        if self.values is not None and len(self.values) != len(self.points):
            raise ValueError(f"values must be {len(self.points)}, got {len(self.values)}")
        num_groups = min(len(self.group_names), MOST_GROUPS)
        if len(self.groups) and not 0 <= self.groups.min() <= self.groups.max() < num_groups:
            raise ValueError(f"groups must be in 0..{num_groups - 1}")


@dataclass(frozen=True, slots=True)
class Highlight:
    """A point or a star with its neighbours, ringed and joined by lines.

    Behind a point all others are dimmed, unless they are coloured by a number, which is to be read.
    """

    point: int | None = None
    """Place of the point, 0..N-1."""

    neighbours: Sequence[int] = ()
    """Places of its neighbours, 0..N-1."""

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


_MOUNT = st.components.v2.component(
    "workbench_scatter",
    html=HTML,
    css=(ASSETS / "scatter.css").read_text(encoding="utf-8"),
    js="\n".join((ASSETS / name).read_text(encoding="utf-8") for name in MODULE),
    isolate_styles=False,  # plotly writes its rules into the document's head
)


def scatter(
    points: ScatterData,
    *,
    key: str,
    height: int = 620,
    highlight: Highlight | None = None,
    pins: Sequence[Pin] = (),
    only: Sequence[int] = (),
    selection: ScatterEvent | None = None,
    clears: int = 0,
) -> ScatterEvent | None:
    """Draw the map and return what was done on it, once per deed.

    Args:
        points: What to draw; with the `version` of last time nothing is drawn again.
        key: Widget key.
        height: Of the plot, in pixels.
        highlight: What to ring; a change leaves the cloud alone.
        pins: Pictures on the map, of a map in 2D; the first ones where there is no room for all.
        only: The groups that are shown, all without any; a change sets the legend so.
        selection: The lasso or box to begin with where the plot is new, as after a visit to another
            page. From then on the plot keeps what a person draws, whatever is given here.
        clears: How often the page dismissed the selection; another number removes the outline.

    Returns:
        The event that caused this run, else None. A lasso or box comes again, with other `hidden`
        groups, when the legend is used while it stands.
    """
    result = _MOUNT(
        key=key,
        data={
            "script": ensure_plotly_script(),
            "version": points.version,
            **_encoded(points),
            "height": height,
            "pins": [asdict(pin) for pin in pins],
            "only": list(only),
            "highlight": asdict(highlight) if highlight else None,
            "channel": key,
            "selection": asdict(selection) if selection else None,
            "clears": clears,
        },
        on_event_change=_ignore,
    )
    return _read_event(result.event, len(points.points))


def _encoded(data: ScatterData) -> dict[str, Any]:
    axes = ("x", "y", "z")[: data.points.shape[1]]
    density = data.density
    return {
        **{name: _encode(data.points[:, place], "<f4") for place, name in enumerate(axes)},
        "groups": _encode(data.groups, "<u2"),
        "names": list(data.group_names),
        "colours": list(data.group_colours),
        "values": None if data.values is None else _encode(data.values, "<f4"),
        "title": data.value_title,
        "density": density
        and {
            "x": density.x.tolist(),
            "y": density.y.tolist(),
            "values": np.round(density.values, 3).tolist(),
        },
    }


def _encode(values: NDArray[Any], dtype: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype).tobytes()).decode("ascii")


def _ignore() -> None:
    """Only triggers that have a callback are part of the result."""


def _read_event(sent: object, count: int) -> ScatterEvent | None:
    """Return what the browser sent, None where it makes no sense: anybody can send anything."""
    if not isinstance(sent, dict) or sent.get("kind") not in get_args(Kind):
        return None
    kind: Kind = sent["kind"]
    if kind == "clear":
        return ScatterEvent(kind)
    if kind == "click":
        index = sent.get("index")
        known = isinstance(index, int) and 0 <= index < count
        return ScatterEvent(kind, index=index) if known else None
    x, y, hidden = (_read_numbers(sent.get(name)) for name in ("x", "y", "hidden"))
    fitting = len(x) == 2 if kind == "box" else 3 <= len(x) <= MOST_CORNERS
    if len(x) != len(y) or not fitting:
        return None
    if kind == "box":
        x, y = tuple(sorted(x)), tuple(sorted(y))
    return ScatterEvent(kind, x, y, hidden=tuple(map(int, hidden)))


def _read_numbers(sent: object) -> tuple[float, ...]:
    if not isinstance(sent, list) or len(sent) > MOST_GROUPS:
        return ()
    good = all(isinstance(value, int | float) and isfinite(value) for value in sent)
    return tuple(map(float, sent)) if good else ()
