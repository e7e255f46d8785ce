"""Overview tab: all measures as curves over k and as a table, and the weakest classes."""

import math

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.evaluation.files import Evaluation
from core.evaluation.measure_names import DEFINITIONS, MEASURES_AT_K, curve_of, name_of
from pages.parts.components.charts import lay_out_over_k
from pages.parts.components.plot import plot
from pages.parts.evaluate import classes, header

COLORS = {
    "map": "#5b6ad0",
    "recall": "#14b8a6",
    "precision": "#f59e0b",
    "ndcg": "#a855f7",
    "knn_accuracy": "#64748b",
}
AVERAGES = {"": "Micro average", "_macro": "Macro average"}
"""Ending of a measure's name → title of the average."""

HEIGHT = 420
"""Of a chart, in pixels; also in evaluate.css."""


def show(evaluation: Evaluation) -> None:
    """Draw the curves of the chosen average beside the weakest classes, and the table below."""
    with st.container(horizontal=True, vertical_alignment="center", key="evaluate-line"):
        ending = str(
            st.segmented_control(
                "Average",
                list(AVERAGES),
                default="",
                required=True,
                format_func=AVERAGES.__getitem__,
                key="evaluate-average",
                label_visibility="collapsed",
            )
        )
        header.describe(evaluation.manifest)
    with st.container(key="evaluate-charts"):
        charts = st.grid(2, min_column_width=340)
    with charts.cell():
        plot(_curves(evaluation, ending), key="evaluate-curve", height=HEIGHT)
    with charts.cell():
        worst = evaluation.classes.sort_values("map_at_10", kind="stable").head(classes.ENDS)[::-1]
        classes.bars(worst, "map_at_10", "Weakest classes", classes.BAD, "evaluate-weakest", HEIGHT)
    _table(evaluation, ending)
    with st.expander("Definitions"):
        for name, definition in DEFINITIONS.items():
            st.markdown(f"**{name}**: {definition}")


def _curves(evaluation: Evaluation, ending: str) -> go.Figure:
    figure = go.Figure()
    summary = evaluation.manifest.summary
    ranks: set[int] = set()
    for base, (name, _) in MEASURES_AT_K.items():
        points = [
            (k, measure)
            for k, measure in curve_of(evaluation.measures, base)
            if measure + ending in summary
        ]
        if len(points) < 2:
            continue
        ranks |= {k for k, _ in points}
        _band(figure, evaluation, points, ending, COLORS[base])
        figure.add_scatter(
            x=[k for k, _ in points],
            y=[summary[measure + ending] for _, measure in points],
            name=f"{name}@k",
            mode="lines+markers",
            line_color=COLORS[base],
            hovertemplate=f"{name}@%{{x}} %{{y:.3f}}<extra></extra>",
        )
    lowest = min((min(trace.y, default=1) for trace in figure.data), default=1)
    floor = max(0, math.floor(10 * lowest - 0.5) / 10)
    lay_out_over_k(figure, ranks, "k", tickformat=".2f", range=[floor, 1.01])
    return figure


def _band(
    figure: go.Figure,
    evaluation: Evaluation,
    points: list[tuple[int, str]],
    ending: str,
    color: str,
) -> None:
    """Draw the 95 % CI of a curve as a band."""
    intervals = [(k, evaluation.interval(measure + ending)) for k, measure in points]
    known = [(k, limits) for k, limits in intervals if limits is not None]
    if not known:
        return
    figure.add_scatter(
        x=[k for k, _ in known] + [k for k, _ in reversed(known)],
        y=[high for _, (_, high) in known] + [low for _, (low, _) in reversed(known)],
        fill="toself",
        fillcolor=color,
        opacity=0.15,
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        showlegend=False,
    )


def _table(evaluation: Evaluation, ending: str) -> None:
    summary = evaluation.manifest.summary
    names = [name for name in evaluation.measures if name + ending in summary]
    intervals = [evaluation.interval(name + ending) or (None, None) for name in names]
    table = pd.DataFrame(
        {
            "metric": [name_of(name) for name in names],
            "mean": [summary[name + ending] for name in names],
            "CI low": [low for low, _ in intervals],
            "CI high": [high for _, high in intervals],
        }
    )
    share = st.column_config.NumberColumn(format="%.4f")
    st.dataframe(
        table,
        hide_index=True,
        key="evaluate-measures",
        height=min(38 + 35 * len(table), 560),
        column_config=dict.fromkeys(("mean", "CI low", "CI high"), share),
    )
