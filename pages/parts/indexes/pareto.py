"""Pareto chart of a sweep: recall vs. latency, a bubble per index."""

import plotly.graph_objects as go
import streamlit as st

from core.index_benchmark.points import Point, best_points
from pages.parts.components.text import size

SMALLEST, LARGEST = 9.0, 34.0
"""Diameters of bubbles in pixels; the area shows the size of the index, but stays clickable."""

HEIGHT = 440
DECADES = range(-4, 5)
STEPS = ((1, 2, 5), range(1, 10), [number / 10 for number in range(10, 100)])
"""Numbers of the ticks in a decade, from coarse to fine."""

MIN_TICKS = 3


def chart(points: list[Point], key: str) -> int | None:
    """Draw the points of a sweep, and return the position of the clicked one."""
    event = st.plotly_chart(
        _figure(points),
        key=f"indexes-pareto-{key}",
        height=HEIGHT,
        on_select="rerun",
        selection_mode="points",
        config={"displayModeBar": False},
        alt="Recall@10 by latency, one bubble per index",
    )
    clicked = [point["customdata"][0] for point in event["selection"]["points"]]
    return int(clicked[0]) if clicked else None


def _figure(points: list[Point]) -> go.Figure:
    figure = go.Figure()
    front = [points[at] for at in best_points(points)]
    figure.add_scatter(
        x=[point.measured.latency_ms[50] for point in front],
        y=[point.recall for point in front],
        mode="lines",
        line={"color": "#94a3b8", "dash": "dot", "width": 1.5, "shape": "hv"},
        name="Pareto front",
        hoverinfo="skip",
    )
    largest = max(point.size_bytes for point in points)
    for kind in dict.fromkeys(point.config.kind for point in points):
        _bubbles(
            figure, [at for at, p in enumerate(points) if p.config.kind == kind], points, largest
        )
    ticks = ticks_of([point.measured.latency_ms[50] for point in points])
    figure.update_layout(
        margin={"l": 0, "r": 0, "t": 10, "b": 0},
        legend={"orientation": "h", "y": 1.08, "yanchor": "bottom"},
        xaxis={
            "type": "log",
            "title": "latency (ms), median on one thread",
            "tickvals": ticks,
            "ticktext": [f"{tick:.2g}" for tick in ticks],
        },
        yaxis={"title": "recall@10 vs. exact search", "tickformat": ".0%"},
        clickmode="event+select",
    )
    return figure


def ticks_of(values: list[float]) -> list[float]:
    """Return the ticks of a logarithmic axis, at least three of them within its values if any."""
    ticks: list[float] = []
    for numbers in STEPS:
        ticks = [number * 10.0**power for power in DECADES for number in numbers]
        if sum(min(values) <= tick <= max(values) for tick in ticks) >= MIN_TICKS:
            break
    return ticks


def _bubbles(figure: go.Figure, places: list[int], points: list[Point], largest: int) -> None:
    shown = [points[at] for at in places]
    kind = shown[0].config.entry
    figure.add_scatter(
        x=[point.measured.latency_ms[50] for point in shown],
        y=[point.recall for point in shown],
        customdata=[
            [at, point.name, size(point.size_bytes)]
            for at, point in zip(places, shown, strict=True)
        ],
        mode="markers",
        name=kind.label,
        marker={
            "color": kind.color,
            "opacity": 0.75,
            "size": [
                max(SMALLEST, LARGEST * (point.size_bytes / largest) ** 0.5) for point in shown
            ],
            "line": {"width": 1, "color": "white"},
        },
        hovertemplate="<b>%{customdata[1]}</b><br>recall@10 %{y:.3f}<br>%{x:.3f} ms<br>"
        "%{customdata[2]}<extra></extra>",
    )
