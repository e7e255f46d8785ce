"""Charts of training runs, and the layout of others."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from core.datasets.columns import Split
from pages.parts.components.plot import plot
from pages.parts.components.text import plotly_text

TRAIN_COLOR, VALIDATION_COLOR = "#5b6ad0", "#f59e0b"
SPLIT_COLORS: dict[str, str] = {
    Split.TRAIN: TRAIN_COLOR,
    Split.VALIDATION: VALIDATION_COLOR,
    Split.TEST: "#14b8a6",
}
HEIGHT = 230
RUN_COLORS = ("#5b6ad0", "#f59e0b", "#14b8a6", "#ef4444", "#a855f7", "#64748b")
NO_TOOLS = {"displayModeBar": False}


def curves(
    epochs: Sequence[Mapping[str, Any]], steps: Sequence[Mapping[str, Any]], key: str
) -> None:
    """Draw the loss, accuracy and retrieval of a run by epoch, and the loss of each step."""
    has_retrieval = not epochs or "validation_map_at_10" in epochs[-1]
    grid = st.grid(3 if has_retrieval else 2, min_column_width=200)
    with grid.cell(), st.container(height=HEIGHT, border=False):
        figure = _figure("Loss by epoch")
        _line(figure, steps, "loss", "train, each step", TRAIN_COLOR, opacity=0.5, marks=False)
        _line(figure, epochs, "train_loss", "train", TRAIN_COLOR)
        _line(figure, epochs, "validation_loss", "validation", VALIDATION_COLOR)
        plot(figure, key=f"{key}-loss", height=HEIGHT)
    with grid.cell(), st.container(height=HEIGHT, border=False):
        figure = _figure("Accuracy by epoch", share=True)
        _line(figure, epochs, "train_accuracy", "train", TRAIN_COLOR)
        _line(figure, epochs, "validation_accuracy", "validation", VALIDATION_COLOR)
        plot(figure, key=f"{key}-accuracy", height=HEIGHT)
    if not has_retrieval:
        return
    with grid.cell(), st.container(height=HEIGHT, border=False):
        figure = _figure("Validation retrieval by epoch", share=True)
        _line(figure, epochs, "validation_map_at_10", "mAP@10", VALIDATION_COLOR)
        _line(figure, epochs, "validation_recall_at_1", "recall@1", "#14b8a6")
        plot(figure, key=f"{key}-retrieval", height=HEIGHT)


def overlaid(
    runs: Mapping[str, Sequence[Mapping[str, Any]]], name: str, title: str, key: str
) -> None:
    """Draw one measure, `name`, by epoch; `runs` is label → the measures of each epoch."""
    figure = _figure(f"{title} by epoch", share="loss" not in name)
    for (run, epochs), color in zip(runs.items(), cycle(RUN_COLORS), strict=False):
        _line(figure, epochs, name, plotly_text(run), color)
    plot(figure, key=key, height=340)


def lay_out_over_k(figure: go.Figure, ranks: Iterable[int], title: str, **y_axis: Any) -> None:
    """Lay out curves of measures at k: a logarithmic axis of the ranks, and one of shares."""
    ticks = sorted(set(ranks))
    figure.update_layout(
        margin={"l": 0, "r": 0, "t": 10, "b": 0},
        legend={"orientation": "h", "y": 1.04, "yanchor": "bottom"},
        xaxis={
            "type": "log",
            "title": title,
            "tickvals": ticks,
            "ticktext": [str(k) for k in ticks],
        },
        yaxis={"range": [0, 1.02], **y_axis},
    )


def _figure(title: str, *, share: bool = False) -> go.Figure:
    figure = go.Figure()
    figure.update_layout(
        title={"text": title, "font": {"size": 15}, "x": 0, "xref": "paper"},
        margin={"l": 0, "r": 0, "t": 40, "b": 0},
        legend={"orientation": "h", "y": -0.12, "yanchor": "top"},
        xaxis={"rangemode": "tozero", "hoverformat": ".2~f"},
        yaxis={"range": [0, 1.02], "tickformat": ".0%"} if share else {"rangemode": "tozero"},
        uirevision=title,  # So that a redraw does not reset the zoom
    )
    return figure


def _line(
    figure: go.Figure,
    points: Sequence[Mapping[str, Any]],
    name: str,
    shown: str,
    color: str,
    *,
    opacity: float = 1.0,
    marks: bool = True,
) -> None:
    known = [point for point in points if name in point]
    if known:
        figure.add_scatter(
            x=[point["epoch"] for point in known],
            y=[point[name] for point in known],
            name=shown,
            mode="lines+markers" if marks else "lines",
            line_color=color,
            opacity=opacity,
        )
