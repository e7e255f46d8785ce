"""Overview tab: all measures, as curves over k and as a table."""

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.evaluation.files import Evaluation
from core.evaluation.measure_names import DEFINITIONS, MEASURES_AT_K, curve_of, name_of
from pages.parts.components.charts import lay_out_over_k
from pages.parts.components.plot import plot

COLORS = {
    "map": "#5b6ad0",
    "recall": "#14b8a6",
    "precision": "#f59e0b",
    "ndcg": "#a855f7",
    "knn_accuracy": "#64748b",
}
AVERAGES = {"": "All queries alike", "_macro": "All classes alike"}
"""Ending of a measure's name → title of the micro and the macro average."""


def show(evaluation: Evaluation) -> None:
    """Draw the curves and the table of the chosen average."""
    ending = st.segmented_control(
        "Means over",
        list(AVERAGES),
        default="",
        required=True,
        format_func=AVERAGES.__getitem__,
        key="evaluate-average",
        help="Where some classes have many images and others few, the mean over all queries is "
        "that of the large classes. The mean over classes is the honest one.",
    )
    plot(_curves(evaluation, str(ending)), key="evaluate-curve", height=320)
    table = _table(evaluation, str(ending))
    share = st.column_config.NumberColumn(format="%.4f")
    st.dataframe(
        table,
        hide_index=True,
        key="evaluate-measures",
        height=min(38 + 35 * len(table), 560),
        column_config=dict.fromkeys(("mean", "from", "to"), share),
    )
    st.caption("from and to: the 95 % interval of the mean.")
    with st.expander("What the measures mean"):
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
    lay_out_over_k(figure, ranks, "k, the ranks that are looked at", tickformat=".1f")
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


def _table(evaluation: Evaluation, ending: str) -> pd.DataFrame:
    summary = evaluation.manifest.summary
    names = [name for name in evaluation.measures if name + ending in summary]
    intervals = [evaluation.interval(name + ending) or (None, None) for name in names]
    return pd.DataFrame(
        {
            "measure": [name_of(name) for name in names],
            "mean": [summary[name + ending] for name in names],
            "from": [low for low, _ in intervals],
            "to": [high for _, high in intervals],
        }
    )
