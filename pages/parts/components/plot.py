"""Component: a plotly figure that is updated in place and keeps its zoom.

Streamlit's own plotly chart becomes a new element if its data change, and loses its state.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import plotly.graph_objects as go

from pages.parts.components.browser_component import component, ignore
from pages.parts.components.plotly_script import ensure_plotly_script

_MOUNT = component(
    "workbench_plot",
    Path(__file__).parent,
    '<div class="workbench-plot"><div class="workbench-plot-host"></div></div>',
    ("plot.js", "plotly_loader.js", "plotly_press.js"),
    "plot.css",
    isolate_styles=False,  # plotly adds its styles to the document's head
)


@dataclass(frozen=True, slots=True)
class PlotClick:
    """The clicked point of a figure."""

    x: str
    y: str
    """Its values on the axes."""


def plot(figure: go.Figure, *, key: str, height: int, clickable: bool = False) -> PlotClick | None:
    """Draw a figure in the app's theme and return the clicked point, once a click.

    Args:
        figure: The figure; fonts and backgrounds are set by the theme.
        key: Widget key; another figure with the same key replaces this one.
        height: In pixels.
        clickable: Whether clicks on points and cells are returned.
    """
    content = json.loads(figure.to_json())
    content["layout"].pop("template", None)
    result = _MOUNT(
        key=key,
        data={
            "script": ensure_plotly_script(),
            "traces": content["data"],
            "layout": content["layout"],
            "height": height,
            "clickable": clickable,
        },
        on_clicked_change=ignore,
    )
    match result.clicked:  # The browser may send anything
        case {"x": str(x), "y": str(y)}:
            return PlotClick(x, y)
    return None
