"""Component: a scatter plot of many points in WebGL, with lasso and box selection.

Streamlit's own plotly chart returns every selected point, again with each later click. This one
returns the outline (a kilobyte), and `core.maps.selection` finds the points.

Shapes, in this file: N points, C map dimensions.
"""

import base64
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pages.parts.components.browser_component import component, ignore
from pages.parts.components.plotly_script import ensure_plotly_script
from pages.parts.components.scatter_data import (
    Highlight,
    Pin,
    ScatterData,
    ScatterEvent,
    read_event,
)

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
        selection: Initial lasso or box of a new plot, for example after a visit to another page.
            Later the plot keeps the user's selection and ignores this one.
        clears: Number of times that the page has cleared the selection; a change removes the
            outline.

    Returns:
        The event that caused this run, else None. A lasso or box is returned again with other
        `hidden` groups if the legend is used while the outline exists.
    """
    result = _MOUNT(
        key=key,
        data={
            "script": ensure_plotly_script(),
            "version": points.version,
            **_encoded(points),
            "height": f"{height}px" if isinstance(height, int) else height,
            "pins": [asdict(pin) for pin in pins],
            "only": list(only),
            "marked": None if marked is None else list(marked),
            "highlight": asdict(highlight) if highlight else None,
            "channel": key,
            "selection": asdict(selection) if selection else None,
            "clears": clears,
        },
        on_event_change=ignore,
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
