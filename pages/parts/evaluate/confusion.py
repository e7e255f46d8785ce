"""Confusion tab: the confusion matrix as a heat map; a click on a cell shows the images."""

import plotly.graph_objects as go
import streamlit as st

from core.datasets.registry import Dataset
from core.evaluation.confusions import Confusions, confused_pairs, confusions, queries_of_pair
from core.evaluation.files import Evaluation
from pages.parts.components import empty
from pages.parts.components.plot import plot
from pages.parts.components.text import plain, plotly_text, shortened
from pages.parts.evaluate import images
from state import session

MIN_CLASSES, DEFAULT_CLASSES = 5, 20
LISTED = 50
SLIDER_WIDTH = 240
SCALE = [[0, "rgba(91,106,208,0)"], [0.02, "rgba(91,106,208,0.15)"], [1, "rgba(91,106,208,1)"]]
"""Zero is transparent, in the light and in the dark theme."""


def show(evaluation: Evaluation, dataset: Dataset) -> None:
    """Draw the heat map, the list of pairs, and the images of the open pair."""
    if evaluation.confusion.empty:
        empty.state("grid_on", "Evaluate again to get a confusion matrix.", key="confusion")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        shown = _num_classes(len(evaluation.classes))
        st.caption(
            "Rows: query class; columns: retrieved class.",
            help="Among the first ten results. Select a cell to see the images.",
            width="content",
        )
    matrix = confusions(evaluation, shown)
    clicked = plot(
        _figure(matrix),
        key="evaluate-confusion",
        height=max(320, 120 + 20 * len(matrix.labels)),
        clickable=True,
    )
    chosen = session.selection()
    if clicked is not None and clicked.x.isdigit() and clicked.y.isdigit():
        row, column = int(clicked.y), int(clicked.x)
        if max(row, column) < len(matrix.labels):
            chosen.open_confusion = (matrix.labels[row], matrix.labels[column])
    _pairs(evaluation)
    if chosen.open_confusion is not None:
        _images(evaluation, dataset, *chosen.open_confusion)


def _num_classes(total: int) -> int:
    """Draw the choice of the number of classes, and return it; all where there are few."""
    if total <= MIN_CLASSES:
        return total
    st.markdown("Most confused classes", width="content")
    shown = st.slider(
        "Most confused classes",
        MIN_CLASSES,
        total,
        min(DEFAULT_CLASSES, total),
        key=f"evaluate-confused-classes-{total}",
        label_visibility="collapsed",
        width=SLIDER_WIDTH,
    )
    return int(shown)


def _figure(matrix: Confusions) -> go.Figure:
    names = [plotly_text(label) for label in matrix.labels]
    ticks = [plotly_text(shortened(label, 20)) for label in matrix.labels]
    places = list(range(len(names)))
    figure = go.Figure()
    figure.add_heatmap(
        x=places,
        y=places,
        z=matrix.shares.tolist(),
        customdata=[[[row, column] for column in names] for row in names],
        colorscale=SCALE,
        zmin=0,
        zmax=1,
        xgap=1,
        ygap=1,
        colorbar={"tickformat": ".0%", "thickness": 10, "outlinewidth": 0},
        hovertemplate="%{customdata[0]} →<br>%{customdata[1]}: %{z:.1%}<extra></extra>",
    )
    axis = {"tickvals": places, "ticktext": ticks, "showgrid": False}
    figure.update_layout(
        margin={"l": 0, "r": 0, "t": 10, "b": 0},
        xaxis={**axis, "tickangle": -60},
        yaxis={**axis, "autorange": "reversed"},
    )
    return figure


def _pairs(evaluation: Evaluation) -> None:
    """Draw the list of the most frequent confusions; selecting a row opens its images."""
    pairs = confused_pairs(evaluation).head(LISTED)
    with st.expander("Most frequent confusions"):
        st.dataframe(
            pairs.rename(columns={"label": "class"}),
            hide_index=True,
            on_select=_opened,
            selection_mode="single-row",
            key="evaluate-pairs",
            column_config={"share": st.column_config.NumberColumn(format="percent")},
        )
    shown = list(zip(pairs["label"], pairs["retrieved"], strict=True))
    session.remember("evaluate-pairs-shown", shown)


def _opened() -> None:
    """Open the pair of the selected row; called before the page runs."""
    rows = (session.value_of("evaluate-pairs") or {}).get("selection", {}).get("rows", [])
    shown = session.value_of("evaluate-pairs-shown") or []
    if rows and rows[0] < len(shown):
        session.selection().open_confusion = shown[rows[0]]


def _images(evaluation: Evaluation, dataset: Dataset, label: str, retrieved: str) -> None:
    queries = queries_of_pair(evaluation, label, retrieved, dataset.catalog)
    total = int((evaluation.queries["label"] == label).sum())
    st.markdown(
        f"**{plain(label)}** → **{plain(retrieved)}** · {len(queries):,} of {total:,} queries"
    )
    if queries.empty:
        st.caption("No queries.")
        return
    shown = images.page_of(queries, "evaluate-pair-page")
    captions = [f"{count} of 10" for count in shown["num_found"]]
    images.rows(
        dataset, shown, "matches", captions, key="evaluate-pair", label="Queries of the pair"
    )
