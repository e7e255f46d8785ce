"""A figure that changes while one looks at it: it is redrawn in place, and keeps the zoom.

Streamlit's own plotly chart is another element as soon as its numbers are others, and begins anew.
"""

import json
from pathlib import Path

import plotly.graph_objects as go
import streamlit as st

from pages.parts.plotly_script import ensure_plotly_script

ASSETS = Path(__file__).parent / "assets"
MODULE = ("plot.js", "plotly_loader.js")
"""Joined, for a component's code is one file."""

HTML = '<div class="workbench-plot"><div class="workbench-plot-host"></div></div>'

_MOUNT = st.components.v2.component(
    "workbench_plot",
    html=HTML,
    css=(ASSETS / "plot.css").read_text(encoding="utf-8"),
    js="\n".join((ASSETS / name).read_text(encoding="utf-8") for name in MODULE),
    isolate_styles=False,  # plotly writes its rules into the document's head
)


def plot(figure: go.Figure, *, key: str, height: int) -> None:
    """Draw a figure in the app's colours.

    Args:
        figure: Lines, axes, legend; fonts and backgrounds are the app's.
        key: Widget key; with the same key another figure takes the place of this one.
        height: In pixels.
    """
    content = json.loads(figure.to_json())
    content["layout"].pop("template", None)
    _MOUNT(
        key=key,
        data={
            "script": ensure_plotly_script(),
            "traces": content["data"],
            "layout": content["layout"],
            "height": height,
        },
    )
