"""Component: a scatter plot of many points in WebGL, with lasso and box selection.

Streamlit's own plotly chart returns every selected point, again with each later click. This one
returns the outline (a kilobyte), and `core.maps.selection` finds the points.

Shapes, in this file: N points, C map dimensions.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from pages.parts.components.browser_component import component, ignore
from pages.parts.components.plotly_script import ensure_plotly_script
from pages.parts.components.scatter_data import (
    PALETTE,
    SCALE,
    Highlight,
    Pin,
    ScatterData,
    ScatterEvent,
    encode,
    encode_points,
    read_event,
)
from pages.parts.components.scatter_tiles import first_tile

HTML = """
<div class="workbench-scatter">
  <div class="workbench-scatter-plot"></div>
  <div class="workbench-scatter-pins"></div>
  <div class="workbench-scatter-ring" hidden></div>
  <div class="workbench-scatter-frames" hidden>
    <button type="button"></button><input type="range" min="0" aria-label="Time"><span></span>
  </div>
  <div class="workbench-scatter-tip" hidden><img alt="" hidden><span></span></div>
  <p class="workbench-scatter-problem" role="alert" hidden></p>
</div>
"""

_MOUNT = component(
    "workbench_scatter",
    Path(__file__).parent,
    HTML,
    (
        "scatter.js",
        "scatter_draw.js",
        "scatter_marks.js",
        "scatter_hover.js",
        "scatter_frames.js",
        "scatter_select.js",
        "scatter_tiles.js",
        "plotly_loader.js",
        "plotly_press.js",
    ),
    "scatter.css",
    isolate_styles=False,  # plotly adds its styles to the document's head
)


def scatter(
    points: ScatterData,
    *,
    key: str,
    height: int | str = 620,
    highlight: Highlight | None = None,
    pins: Sequence[Pin] = (),
    only: Sequence[int] = (),
    marked: Sequence[int] | None = None,
    selection: ScatterEvent | None = None,
    stamp: str = "",
    clears: int = 0,
) -> ScatterEvent | None:
    """Draw the plot and return each user event once.

    Args:
        points: What to draw; the plot is redrawn if the `version` changes.
        key: Widget key.
        height: Of the plot, in pixels or as a CSS length.
        highlight: Point or star to highlight; a change does not redraw the points.
        pins: Images on a 2D plot; the first ones if there is no room for all.
        only: Groups to show, all if empty; a change updates the legend.
        marked: Places of points to show as selected; None for none. A selection by the user
            replaces it.
        selection: Initial lasso or box of a new plot; later the plot keeps the user's selection.
        stamp: Of the selection of a tiled plot; a change draws its tile again.
        clears: How often the page has cleared the selection; a change removes the outline.

    Returns:
        The event that caused this run, else None. A lasso or box is returned again with other
        `hidden` groups if the legend is used while the outline exists.
    """
    result = _MOUNT(
        key=key,
        data={
            **_encoded(points),
            "height": f"{height}px" if isinstance(height, int) else height,
            "pins": [asdict(pin) for pin in pins],
            "only": list(only),
            "marked": None if marked is None else list(marked),
            "known": _known(points, highlight, pins) if points.is_tiled else None,
            "stamp": stamp,
            "highlight": asdict(highlight) if highlight else None,
            "channel": key,
            "selection": asdict(selection) if selection else None,
            "clears": clears,
        },
        on_event_change=ignore,
    )
    return read_event(result.event, points)


def _known(
    data: ScatterData, highlight: Highlight | None, pins: Sequence[Pin]
) -> dict[str, Any] | None:
    """Return the points that are marked on a tiled plot, which need not be in its tile."""
    places = [pin.point for pin in pins]
    if highlight is not None:
        places += [*highlight.neighbors, *([] if highlight.point is None else [highlight.point])]
    return encode_points(data, np.array(places, np.int64)) if places else None


def _encoded(data: ScatterData) -> dict[str, Any]:
    density = data.density
    points = {"tile": first_tile(data)} if data.is_tiled else encode_points(data)
    limits = None
    if data.is_tiled and data.values is not None:
        limits = [float(data.values.min()), float(data.values.max())]
    return {
        "script": ensure_plotly_script(),
        "version": data.version,
        "tile": None,
        **points,
        "names": list(data.group_names),
        "colors": list(data.group_colors),
        "palette": PALETTE,
        "scale": SCALE,
        "limits": limits,
        "title": data.value_title,
        "frames": [
            {"name": name, "x": encode(points[:, 0], "<f4"), "y": encode(points[:, 1], "<f4")}
            for name, points in data.frames
        ],
        "density": density
        and {
            "x": density.x.tolist(),
            "y": density.y.tolist(),
            "values": np.round(density.values, 3).tolist(),
        },
    }
