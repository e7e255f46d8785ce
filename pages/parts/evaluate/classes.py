"""Classes tab: measures of each class, the best and the worst, and the queries of a class."""

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.datasets.registry import Dataset
from core.evaluation.files import Evaluation
from core.evaluation.measure_names import name_of
from pages.parts.components import tables
from pages.parts.components.plot import plot
from pages.parts.components.text import plain, plotly_text, shortened
from pages.parts.evaluate import images

SHOWN = ("map_at_10", "recall_at_1", "recall_at_10", "precision_at_10", "r_precision", "map_at_r")
ENDS = 12
"""Number of best and of worst classes that are drawn."""

GOOD, BAD = "#14b8a6", "#ef4444"


def show(evaluation: Evaluation, dataset: Dataset) -> None:
    """Draw the classes, and the queries of the selected one, the worst first."""
    measures = [name for name in SHOWN if name in evaluation.classes]
    by = images.choose_measure(measures, "evaluate-classes-measure")
    classes = evaluation.classes.sort_values(by, kind="stable", ignore_index=True)
    grid = st.grid(2, min_column_width=300)
    few = len(classes) <= ENDS
    with grid.cell():
        best = classes.tail(ENDS)
        bars(best, by, "All classes" if few else f"Best {ENDS}", GOOD, "evaluate-best")
    if not few:
        with grid.cell():
            bars(classes.head(ENDS)[::-1], by, f"Worst {ENDS}", BAD, "evaluate-worst")
    place = _table(classes, measures)
    if place is None:
        st.caption("Select a row to see its queries.")
        return
    label = str(classes["label"][place])
    queries = evaluation.queries[evaluation.queries["label"] == label].sort_values(by)
    st.markdown(f"**{plain(label)}** · {len(queries):,} queries, worst first")
    shown = images.page_of(queries, f"evaluate-class-page-{place}")
    captions = [f"{name_of(by)} {value:.2f}" for value in shown[by]]
    images.rows(
        dataset,
        shown,
        "matches",
        captions,
        key="evaluate-class-queries",
        label="Queries of a class",
    )


def bars(
    classes: pd.DataFrame, by: str, title: str, color: str, key: str, height: int | None = None
) -> None:
    """Draw a measure of classes, the last one on top."""
    figure = go.Figure()
    figure.add_bar(
        x=classes[by].tolist(),
        y=list(range(len(classes))),
        orientation="h",
        marker_color=color,
        customdata=[plotly_text(label) for label in classes["label"]],
        hovertemplate="%{customdata}: %{x:.3f}<extra></extra>",
    )
    figure.update_layout(
        title={"text": title, "font": {"size": 15}, "x": 0, "xref": "paper"},
        margin={"l": 0, "r": 0, "t": 36, "b": 0},
        xaxis={"range": [0, 1.02], "title": name_of(by)},
        yaxis={
            "tickvals": list(range(len(classes))),
            "ticktext": [plotly_text(shortened(label, 24)) for label in classes["label"]],
        },
        bargap=0.25,
    )
    plot(figure, key=key, height=height or 90 + 22 * len(classes))


def _table(classes: pd.DataFrame, measures: list[str]) -> int | None:
    counts = [name for name in ("num_queries", "num_gallery") if name in classes]
    names = {"label": "class", "num_queries": "queries", "num_gallery": "gallery"}
    names |= {name: name_of(name) for name in measures} | {"most_confused": "most confused with"}
    rows = classes[["label", *counts, *measures, "most_confused"]].rename(columns=names)
    share = st.column_config.NumberColumn(format="%.3f")
    columns = {name_of(name): share for name in measures}
    height = min(38 + 35 * len(rows), 420)
    return tables.pick(rows, key="evaluate-classes", columns=columns, height=height)
