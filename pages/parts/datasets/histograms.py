"""Histograms of the shown images that also filter them: drag over bars."""

import math
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from core.datasets.columns import RANGES, ImageFilter
from core.datasets.facets import Histogram
from core.datasets.registry import Dataset
from pages.parts.components.charts import NO_TOOLS, TRAIN_COLOR
from state import facts, session

HEIGHT = 104
"""In pixels."""

FAINT = 0.35
TICKS = {"aspect": {1 / 4: "1:4", 1 / 2: "1:2", 1: "1:1", 2: "2:1", 4: "4:1"}}
"""Name of a range filter → value → text of the ticks of its histogram."""


def show(dataset: Dataset, images: ImageFilter, name: str) -> None:
    """Draw the histogram of a range filter; it counts without this filter.

    It is not drawn where all images are alike.
    """
    counted = facts.histogram(dataset.catalog, name, images.having(**{name: None}))
    if np.count_nonzero(counted.counts) < 2 and getattr(images, name) is None:
        return
    key = f"datasets-chart-{name}"
    st.plotly_chart(
        _figure(counted, name, getattr(images, name)),
        key=key,
        config=NO_TOOLS,
        on_select=lambda: _pick(session.value_of(key)["selection"], name, counted),
        selection_mode="box",
        alt=f"Histogram: {RANGES[name].label.lower()}",
    )


def _figure(counted: Histogram, name: str, limits: tuple[float, float] | None) -> go.Figure:
    kind = RANGES[name]
    edges = np.log2(counted.edges) if kind.is_log else counted.edges
    middles = (edges[:-1] + edges[1:]) / 2
    values = 2.0**middles if kind.is_log else middles
    low, high = limits or (0, np.inf)
    figure = go.Figure()
    figure.add_bar(
        x=middles,
        y=counted.counts,
        width=np.diff(edges),
        marker={
            "color": TRAIN_COLOR,
            "opacity": np.where((values >= low) & (values <= high), 1.0, FAINT),
            "line_width": 0,
        },
        hovertemplate="%{y} images<extra></extra>",
    )
    title = f"{kind.label}, {kind.unit}" if kind.unit else kind.label
    figure.update_layout(
        title={
            "text": title,
            "font_size": 13,
            "x": 0,
            "xref": "paper",
            "y": 0.99,
            "yanchor": "top",
        },
        height=HEIGHT,
        margin={"l": 0, "r": 0, "t": 24, "b": 18},
        showlegend=False,
        bargap=0.05,
        dragmode="select",
        selectdirection="h",
    )
    figure.update_xaxes(fixedrange=True, showgrid=False, nticks=5, tickfont_size=11)
    figure.update_yaxes(fixedrange=True, rangemode="tozero", visible=False)
    if name in TICKS:
        places = [math.log2(value) if kind.is_log else value for value in TICKS[name]]
        figure.update_xaxes(tickvals=places, ticktext=list(TICKS[name].values()))
    else:
        figure.update_xaxes(tickformat=",d" if kind.number is int else "")
    return figure


def _pick(selected: dict[str, Any], name: str, counted: Histogram) -> None:
    """Filter by the bars under the drag; a double click removes the filter."""
    kind = RANGES[name]
    limits: tuple[float, float] | None = None
    if selected["box"]:
        low, high = sorted(float(end) for end in selected["box"][0]["x"][:2])
        limits = counted.around(2**low, 2**high) if kind.is_log else counted.around(low, high)
        if limits is None:
            return
        if kind.number is int:  # Whole numbers, and none of the next bar's
            limits = math.ceil(limits[0]), _last_whole(limits[1], counted)
    view = session.read_view()
    session.set_view(view.narrowed(view.images.having(**{name: limits})))


def _last_whole(edge: float, counted: Histogram) -> int:
    return int(edge) if edge == counted.edges[-1] else math.ceil(edge) - 1
