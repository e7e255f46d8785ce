"""Every measure of an evaluation, as a curve over k and as a table."""

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.evaluation.files import Evaluation
from core.evaluation.measure_names import BASES, MEANINGS, curve_of, name_of
from pages.parts.components.plot import plot

COLORS = {
    "map": "#5b6ad0",
    "recall": "#14b8a6",
    "precision": "#f59e0b",
    "ndcg": "#a855f7",
    "knn_accuracy": "#64748b",
}
OVER = {"": "All queries alike", "_macro": "All classes alike"}


def show(evaluation: Evaluation) -> None:
    """Draw the curve, and under it all figures."""
    ending = st.segmented_control(
        "Means over",
        list(OVER),
        default="",
        required=True,
        format_func=OVER.__getitem__,
        key="evaluate-over",
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
        for name, meaning in MEANINGS.items():
            st.markdown(f"**{name}**: {meaning}")


def _curves(evaluation: Evaluation, ending: str) -> go.Figure:
    figure = go.Figure()
    summary = evaluation.manifest.summary
    ranks: set[int] = set()
    for base, (name, _) in BASES.items():
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
    figure.update_layout(
        margin={"l": 0, "r": 0, "t": 10, "b": 0},
        legend={"orientation": "h", "y": 1.04, "yanchor": "bottom"},
        xaxis={
            "type": "log",
            "title": "k, the ranks that are looked at",
            "tickvals": sorted(ranks),
            "ticktext": [str(k) for k in sorted(ranks)],
        },
        yaxis={"range": [0, 1.02], "tickformat": ".1f"},
    )
    return figure


def _band(
    figure: go.Figure,
    evaluation: Evaluation,
    points: list[tuple[int, str]],
    ending: str,
    color: str,
) -> None:
    """Draw where the curve's points would lie with other queries."""
    within = [(k, evaluation.interval(measure + ending)) for k, measure in points]
    known = [(k, low_high) for k, low_high in within if low_high is not None]
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
    within = [evaluation.interval(name + ending) or (None, None) for name in names]
    return pd.DataFrame(
        {
            "measure": [name_of(name) for name in names],
            "mean": [summary[name + ending] for name in names],
            "from": [low for low, _ in within],
            "to": [high for _, high in within],
        }
    )
