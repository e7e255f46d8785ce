"""Plots that pages show through Streamlit's own plotly chart."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from core.datasets.catalog import Split

TRAIN_COLOUR, VALIDATION_COLOUR = "#5b6ad0", "#f59e0b"
SPLIT_COLOURS: dict[str, str] = {
    Split.TRAIN: TRAIN_COLOUR,
    Split.VALIDATION: VALIDATION_COLOUR,
    Split.TEST: "#14b8a6",
}
NO_TOOLS = {"displayModeBar": False}


def curves(
    epochs: Sequence[Mapping[str, Any]], steps: Sequence[Mapping[str, Any]], key: str
) -> None:
    """Draw a training's loss, accuracy and retrieval over its epochs.

    Args:
        epochs: What was measured after each epoch.
        steps: The loss within the epochs.
        key: Distinguishes several on one page.
    """
    grid = st.grid(3, min_column_width=260)
    with grid.cell():
        figure = _figure("Loss")
        _line(figure, steps, "loss", "train, each step", TRAIN_COLOUR, opacity=0.5, marks=False)
        _line(figure, epochs, "train_loss", "train", TRAIN_COLOUR)
        _line(figure, epochs, "validation_loss", "validation", VALIDATION_COLOUR)
        st.plotly_chart(figure, key=f"{key}-loss", config=NO_TOOLS)
    with grid.cell():
        figure = _figure("Accuracy", share=True)
        _line(figure, epochs, "train_accuracy", "train", TRAIN_COLOUR)
        _line(figure, epochs, "validation_accuracy", "validation", VALIDATION_COLOUR)
        st.plotly_chart(figure, key=f"{key}-accuracy", config=NO_TOOLS)
    with grid.cell():
        figure = _figure("Retrieval (validation)", share=True)
        _line(figure, epochs, "validation_map_at_10", "mAP@10", VALIDATION_COLOUR)
        _line(figure, epochs, "validation_recall_at_1", "recall@1", "#14b8a6")
        st.plotly_chart(figure, key=f"{key}-retrieval", config=NO_TOOLS)


def _figure(title: str, *, share: bool = False) -> go.Figure:
    figure = go.Figure()
    figure.update_layout(
        title=title,
        height=280,
        margin={"l": 0, "r": 0, "t": 40, "b": 0},
        legend={"orientation": "h", "y": -0.25},
        xaxis={"title": "epoch", "rangemode": "tozero"},
        yaxis={"range": [0, 1.02], "tickformat": ".0%"} if share else {"rangemode": "tozero"},
        uirevision=title,  # A redraw keeps the zoom
    )
    return figure


def _line(
    figure: go.Figure,
    points: Sequence[Mapping[str, Any]],
    name: str,
    shown: str,
    colour: str,
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
            line_color=colour,
            opacity=opacity,
        )
