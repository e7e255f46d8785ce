"""What a view is made up of, as charts that narrow it: click a class, drag over sizes."""

import html
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from core.datasets.catalog import Split
from core.datasets.facets import Histogram, Measure
from core.datasets.filters import NO_LABEL, ImageFilter
from core.datasets.registry import Dataset
from pages.parts.components.charts import NO_TOOLS, SPLIT_COLORS, TRAIN_COLOR
from pages.parts.datasets.filter_bar import narrow
from state import facts, session

HEIGHT = 160
MAX_BARS = 300
"""Classes beyond the largest of these are left to the table of classes."""

MAX_NAMES = 14
"""With more bars their names would be on top of each other."""

FAINT = 0.35
WHOLE = {"tickformat": ",d"}
OTHER_COLOR = "#94a3b8"
RATIOS = {1 / 4: "1:4", 1 / 2: "1:2", 2 / 3: "2:3", 1: "1:1", 3 / 2: "3:2", 2: "2:1", 4: "4:1"}


def show(dataset: Dataset, images: ImageFilter) -> None:
    """Draw the charts; each leaves its own filter aside, so that it can be widened again."""
    grid = st.grid(3, min_column_width=160)
    with grid.cell():
        _class_chart(dataset, images)
    with grid.cell():
        sides = facts.histogram(dataset.catalog, Measure.SIDE, images.having(side=None))
        _histogram_chart("Longest side, px", "side", sides, sides.edges, images.side, WHOLE)
    with grid.cell():
        shapes = facts.histogram(dataset.catalog, Measure.ASPECT, images.having(aspect=None))
        limits = tuple(np.log2(images.aspect)) if images.aspect else None
        ticks = {
            "tickvals": [float(np.log2(ratio)) for ratio in RATIOS],
            "ticktext": list(RATIOS.values()),
        }
        _histogram_chart("Width : height", "aspect", shapes, np.log2(shapes.edges), limits, ticks)


def _class_chart(dataset: Dataset, images: ImageFilter) -> None:
    counts: dict[str, dict[str, int]] = {}
    for label, split, count in facts.class_counts(dataset.catalog, images.having(labels=())):
        counts.setdefault(label or NO_LABEL, {})[split or "no split"] = count
    order = sorted(counts, key=lambda label: (-sum(counts[label].values()), label))[:MAX_BARS]
    names = [html.escape(label, quote=False) or "no class" for label in order]  # Plotly reads HTML
    figure = go.Figure()
    for split in [*Split, "no split"]:
        values = [counts[label].get(split, 0) for label in order]
        if any(values):
            figure.add_bar(
                x=list(range(len(order))),
                y=values,
                name=split,
                customdata=order,
                hovertext=names,
                hovertemplate="%{hovertext}: %{y}<extra>" + split + "</extra>",
                marker={
                    "color": SPLIT_COLORS.get(split, OTHER_COLOR),
                    "opacity": [_opacity(images, label) for label in order],
                    "line_width": 0,
                },
            )
    left_out = f", the {MAX_BARS} largest" if len(counts) > MAX_BARS else ""
    _layout(figure, f"Images per class{left_out}", barmode="stack", clickmode="event+select")
    figure.update_xaxes(
        tickvals=list(range(len(order))),
        ticktext=[name if len(name) < 12 else f"{name[:10]}…" for name in names],
        showticklabels=len(order) <= MAX_NAMES,
    )
    _draw(figure, "datasets-chart-classes", "points", _pick_class)


def _opacity(images: ImageFilter, label: str) -> float:
    return 1.0 if not images.labels or label in images.labels else FAINT


def _histogram_chart(
    title: str,
    field: str,
    counted: Histogram,
    edges: Any,
    limits: tuple[float, ...] | None,
    ticks: dict[str, Any],
) -> None:
    middles = (edges[:-1] + edges[1:]) / 2
    low, high = limits or (-np.inf, np.inf)
    figure = go.Figure()
    figure.add_bar(
        x=middles,
        y=counted.counts,
        width=np.diff(edges),
        marker={
            "color": TRAIN_COLOR,
            "opacity": np.where((middles >= low) & (middles <= high), 1.0, FAINT),
            "line_width": 0,
        },
        hovertemplate="%{y} images<extra></extra>",
    )
    _layout(figure, title, dragmode="select", selectdirection="h")
    figure.update_xaxes(**ticks)
    _draw(figure, f"datasets-chart-{field}", "box", _pick_range, field, counted)


def _layout(figure: go.Figure, title: str, **options: Any) -> None:
    figure.update_layout(
        title={"text": title, "font_size": 14},
        height=HEIGHT,
        margin={"l": 0, "r": 0, "t": 30, "b": 0},
        showlegend=False,
        bargap=0.05,
        **options,
    )
    figure.update_xaxes(fixedrange=True, showgrid=False)
    figure.update_yaxes(fixedrange=True, rangemode="tozero", nticks=4)


def _draw(
    figure: go.Figure, key: str, mode: Any, pick: Callable[..., None], *arguments: Any
) -> None:
    st.plotly_chart(
        figure,
        key=key,
        config=NO_TOOLS,
        on_select=lambda: pick(session.value_of(key)["selection"], *arguments),
        selection_mode=mode,
    )


def _pick_class(selected: dict[str, Any]) -> None:
    """Add the classes that were clicked, or take them away again."""
    images = session.read_view().images
    clicked = {str(point["customdata"]) for point in selected["points"] if "customdata" in point}
    if clicked:
        labels = tuple(label for label in images.labels if label not in clicked)
        added = tuple(sorted(clicked - set(images.labels)))
        narrow(images.having(labels=labels + added))


def _pick_range(selected: dict[str, Any], field: str, counted: Histogram) -> None:
    """Show the images of the bars that were dragged over; a double click shows all again."""
    images = session.read_view().images
    limits: tuple[float, float] | None = None
    if selected["box"]:
        low, high = sorted(float(end) for end in selected["box"][0]["x"][:2])
        if field == "side":
            touched = counted.around(low, high)
            # Whole pixels, and none of the next bar's
            limits = touched and (math.ceil(touched[0]), _last_pixel(touched[1], counted))
        else:
            limits = counted.around(2**low, 2**high)
        if limits is None:
            return
    narrow(images.having(**{field: limits}))


def _last_pixel(edge: float, counted: Histogram) -> int:
    return int(edge) if edge == counted.edges[-1] else math.ceil(edge) - 1
