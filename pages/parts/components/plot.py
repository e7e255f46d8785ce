"""A figure that changes while one looks at it: it is redrawn in place, and keeps the zoom.

Streamlit's own plotly chart is another element as soon as its numbers are others, and begins anew.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import plotly.graph_objects as go
import streamlit as st

from pages.parts.components.plotly_script import ensure_plotly_script

ASSETS = Path(__file__).parent
MODULE = ("plot.js", "plotly_loader.js", "plotly_press.js")
"""Joined, for a component's code is one file."""

HTML = '<div class="workbench-plot"><div class="workbench-plot-host"></div></div>'

_MOUNT = st.components.v2.component(
    "workbench_plot",
    html=HTML,
    css=(ASSETS / "plot.css").read_text(encoding="utf-8"),
    js="\n".join((ASSETS / name).read_text(encoding="utf-8") for name in MODULE),
    isolate_styles=False,  # plotly writes its rules into the document's head
)


@dataclass(frozen=True, slots=True)
class PlotClick:
    """The point of a figure that was clicked."""

    x: str
    y: str
    """What it is called on the axes."""


def plot(figure: go.Figure, *, key: str, height: int, clickable: bool = False) -> PlotClick | None:
    """Draw a figure in the app's colors, and return the point that was clicked, once a click.

    Args:
        figure: Lines, axes, legend; fonts and backgrounds are the app's.
        key: Widget key; with the same key another figure takes the place of this one.
        height: In pixels.
        clickable: Whether a click on a point or cell is told.
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
    """Read what a browser sends, which may be anything."""
    match sent:
        case {"x": str(x), "y": str(y)}:
            return PlotClick(x, y)
    return None


def _ignore() -> None:
    """Only triggers that have a callback are part of the result."""
