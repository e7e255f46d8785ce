"""Charts of the shown images that also filter them: click a class, drag over a histogram."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from core.datasets.columns import NO_LABEL, RANGES, ImageFilter, Split
from core.datasets.facets import Histogram
from core.datasets.registry import Dataset
from pages.parts.components.charts import NO_TOOLS, SPLIT_COLORS, TRAIN_COLOR
from pages.parts.components.text import plotly_text
from pages.parts.datasets.filter_bar import narrow
from state import facts, session

HEIGHT = 160
MAX_BARS = 300
"""Most classes that are drawn, the largest first; the table of classes has all."""

MAX_NAMES = 14
"""With more bars their names would overlap."""

FAINT = 0.35
OTHER_COLOR = "#94a3b8"
TICKS = {
    "aspect": {1 / 4: "1:4", 1 / 2: "1:2", 2 / 3: "2:3", 1: "1:1", 3 / 2: "3:2", 2: "2:1", 4: "4:1"}
}
"""Name of a range filter → value → text of the ticks of its histogram."""


def show(dataset: Dataset, images: ImageFilter) -> None:
    """Draw the charts; each ignores its own filter, so that it can be widened again."""
    grid = st.grid(3, min_column_width=160)
    with grid.cell():
        _class_chart(dataset, images)
    for name in RANGES:
        with grid.cell():
            _histogram_chart(dataset, images, name)


def _class_chart(dataset: Dataset, images: ImageFilter) -> None:
    counts: dict[str, dict[str, int]] = {}
    for label, split, count in facts.class_counts(dataset.catalog, images.having(labels=())):
        counts.setdefault(label or NO_LABEL, {})[split or "no split"] = count
    order = sorted(counts, key=lambda label: (-sum(counts[label].values()), label))[:MAX_BARS]
    names = [plotly_text(label) or "no class" for label in order]
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


def _histogram_chart(dataset: Dataset, images: ImageFilter, name: str) -> None:
    kind, limits = RANGES[name], getattr(images, name)
    counted = facts.histogram(dataset.catalog, name, images.having(**{name: None}))
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
    _layout(figure, title, dragmode="select", selectdirection="h")
    if name in TICKS:
        places = [math.log2(value) if kind.is_log else value for value in TICKS[name]]
        figure.update_xaxes(tickvals=places, ticktext=list(TICKS[name].values()))
    else:
        figure.update_xaxes(tickformat=",d" if kind.number is int else "")
    _draw(figure, f"datasets-chart-{name}", "box", _pick_range, name, counted)


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
    """Add the clicked classes to the filter, or remove those that were in it."""
    images = session.read_view().images
    clicked = {str(point["customdata"]) for point in selected["points"] if "customdata" in point}
    if clicked:
        labels = tuple(label for label in images.labels if label not in clicked)
        added = tuple(sorted(clicked - set(images.labels)))
        narrow(images.having(labels=labels + added))


def _pick_range(selected: dict[str, Any], name: str, counted: Histogram) -> None:
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
    narrow(session.read_view().images.having(**{name: limits}))


def _last_whole(edge: float, counted: Histogram) -> int:
    return int(edge) if edge == counted.edges[-1] else math.ceil(edge) - 1
