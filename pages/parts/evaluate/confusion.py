"""Which classes are found in place of which, as a heat map whose cells open the images."""

import html

import plotly.graph_objects as go
import streamlit as st

from core.datasets.registry import Dataset
from core.evaluation.config import CONFUSED_RANKS
from core.evaluation.confusions import Confusions, confused_pairs, confusions, queries_of_pair
from core.evaluation.files import Evaluation
from pages.parts.components.plot import plot
from pages.parts.components.text import plain
from pages.parts.evaluate import images
from state import session

FEWEST, USUAL = 5, 20
LISTED = 50
SCALE = [[0, "rgba(91,106,208,0)"], [0.02, "rgba(91,106,208,0.15)"], [1, "rgba(91,106,208,1)"]]
"""Nothing is the page's own background, in light and in dark."""


def show(evaluation: Evaluation, dataset: Dataset) -> None:
    """Draw the heat map and the list of pairs, and the images of the pair that was opened."""
    if evaluation.confusion.empty:
        st.info("This evaluation is from before confusions were kept. Evaluate anew to see them.")
        return
    num_classes = len(evaluation.classes)
    shown = num_classes
    if num_classes > FEWEST:
        shown = st.slider(
            "Classes shown, the most confused ones",
            FEWEST,
            num_classes,
            min(USUAL, num_classes),
            key=f"evaluate-confused-classes-{num_classes}",
        )
    found = confusions(evaluation, int(shown))
    st.caption(
        "A row is the class that asks, a column what it found among the first ten. Click a cell to "
        "see the images."
    )
    clicked = plot(
        _figure(found),
        key="evaluate-confusion",
        height=max(320, 120 + 20 * len(found.labels)),
        clickable=True,
    )
    chosen = session.selection()
    if clicked is not None and clicked.x.isdigit() and clicked.y.isdigit():
        row, column = int(clicked.y), int(clicked.x)
        if max(row, column) < len(found.labels):
            chosen.open_confusion = (found.labels[row], found.labels[column])
    _pairs(evaluation)
    if chosen.open_confusion is not None:
        _images(evaluation, dataset, *chosen.open_confusion)


def _figure(found: Confusions) -> go.Figure:
    names = [html.escape(label) for label in found.labels]
    places = list(range(len(names)))
    figure = go.Figure()
    figure.add_heatmap(
        x=places,
        y=places,
        z=found.shares.tolist(),
        customdata=[[[row, column] for column in names] for row in names],
        colorscale=SCALE,
        zmin=0,
        zmax=1,
        xgap=1,
        ygap=1,
        colorbar={"tickformat": ".0%", "thickness": 10, "outlinewidth": 0},
        hovertemplate="%{customdata[0]} found<br>%{customdata[1]}: %{z:.1%}<extra></extra>",
    )
    ticks = {"tickvals": places, "ticktext": [_short(name) for name in names], "showgrid": False}
    figure.update_layout(
        margin={"l": 0, "r": 0, "t": 10, "b": 0},
        xaxis={**ticks, "tickangle": -60},
        yaxis={**ticks, "autorange": "reversed"},
    )
    return figure


def _short(name: str) -> str:
    return name if len(name) <= 20 else f"{name[:19]}…"


def _pairs(evaluation: Evaluation) -> None:
    """List the most frequent confusions; a row that is selected opens its images."""
    pairs = confused_pairs(evaluation).head(LISTED)
    with st.expander("The most frequent confusions, as a list"):
        event = st.dataframe(
            pairs.rename(columns={"label": "class", "found": "found instead"}),
            hide_index=True,
            on_select=_opened,
            selection_mode="single-row",
            key="evaluate-pairs",
            column_config={"share": st.column_config.NumberColumn(format="percent")},
        )
    del event
    session.remember("evaluate-pairs-shown", list(zip(pairs["label"], pairs["found"], strict=True)))


def _opened() -> None:
    """Open the pair whose row was selected; called before the page runs."""
    rows = (session.value_of("evaluate-pairs") or {}).get("selection", {}).get("rows", [])
    shown = session.value_of("evaluate-pairs-shown") or []
    if rows and rows[0] < len(shown):
        session.selection().open_confusion = shown[rows[0]]


def _images(evaluation: Evaluation, dataset: Dataset, label: str, found: str) -> None:
    asked = evaluation.queries[evaluation.queries["label"] == label]
    ids = {int(image_id) for row in asked["matches"] for image_id in row.split()[:CONFUSED_RANKS]}
    labels_of = {image_id: row.label for image_id, row in dataset.catalog.rows_by_id(ids).items()}
    queries = queries_of_pair(evaluation, label, found, labels_of, CONFUSED_RANKS)
    st.markdown(
        f"**{plain(label)}** found **{plain(found)}**: {len(queries):,} of {len(asked):,} queries"
    )
    if queries.empty:
        st.caption("None of them did.")
        return
    shown = images.pages_of(queries, "evaluate-pair-page")
    captions = [f"{count} of ten" for count in shown["num_found"]]
    images.rows(
        dataset, shown, "matches", captions, key="evaluate-pair", label="Queries of the pair"
    )
