"""Component: a plotly figure that is updated in place and keeps its zoom.

Streamlit's own plotly chart becomes a new element if its data change, and loses its state.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import plotly.graph_objects as go
import streamlit as st

from pages.parts.components.plotly_script import ensure_plotly_script

ASSETS = Path(__file__).parent
MODULE = ("plot.js", "plotly_loader.js", "plotly_press.js")
"""Joined, since the code of a component is one file."""

HTML = '<div class="workbench-plot"><div class="workbench-plot-host"></div></div>'

_MOUNT = st.components.v2.component(
    "workbench_plot",
    html=HTML,
    css=(ASSETS / "plot.css").read_text(encoding="utf-8"),
    js="\n".join((ASSETS / name).read_text(encoding="utf-8") for name in MODULE),
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
        on_clicked_change=_ignore,
    )
    return _read_click(result.clicked)


def _read_click(sent: object) -> PlotClick | None:
    """Return the click that the browser sent; None if it is invalid."""
    match sent:
        case {"x": str(x), "y": str(y)}:
            return PlotClick(x, y)
    return None


def _ignore() -> None:
    """Do nothing: a trigger is part of the result only if it has a callback."""
