"""A map of many points, drawn by WebGL. What a point is, and which are selected, is the page's.

Streamlit's own plotly chart sends every selected point back, and again with each later click; this
one sends the outline (a kilobyte), and `core.maps.selection` finds the points.

Shapes, in this file: N points, C map dimensions.
"""

import base64
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.parts.components.plotly_script import ensure_plotly_script
from pages.parts.components.scatter_data import (
    Highlight,
    Pin,
    ScatterData,
    ScatterEvent,
    read_event,
)

ASSETS = Path(__file__).parent
MODULE = (
    "scatter.js",
    "scatter_draw.js",
    "scatter_marks.js",
    "scatter_hover.js",
    "scatter_frames.js",
    "scatter_select.js",
    "plotly_loader.js",
    "plotly_press.js",
)
"""Joined, for a component's code is one file."""

HTML = """
<div class="workbench-scatter">
  <div class="workbench-scatter-plot"></div>
  <div class="workbench-scatter-pictures"></div>
  <div class="workbench-scatter-ring" hidden></div>
  <div class="workbench-scatter-frames" hidden>
    <button type="button"></button><input type="range" min="0" aria-label="Time"><span></span>
  </div>
  <div class="workbench-scatter-tip" hidden><img alt="" hidden><span></span></div>
  <p class="workbench-scatter-problem" role="alert" hidden></p>
</div>
"""

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
    marked: Sequence[int] | None = None,
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
        marked: Places of points that stand out as if they had been drawn around; None for none. It
            gives way to what a person draws.
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
            "marked": None if marked is None else list(marked),
            "highlight": asdict(highlight) if highlight else None,
            "channel": key,
            "selection": asdict(selection) if selection else None,
            "clears": clears,
        },
        on_event_change=_ignore,
    )
    return read_event(result.event, points)


def _encoded(data: ScatterData) -> dict[str, Any]:
    axes = ("x", "y", "z")[: data.points.shape[1]]
    density = data.density
    return {
        **{name: _encode(data.points[:, place], "<f4") for place, name in enumerate(axes)},
        "groups": _encode(data.groups, "<u2"),
        "names": list(data.group_names),
        "colors": list(data.group_colors),
        "values": None if data.values is None else _encode(data.values, "<f4"),
        "title": data.value_title,
        "frames": [
            {"name": name, "x": _encode(points[:, 0], "<f4"), "y": _encode(points[:, 1], "<f4")}
            for name, points in data.frames
        ],
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
