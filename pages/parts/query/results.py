"""A query's result: predicted class, out-of-distribution score and matches."""

import time
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from core.artifacts.manifests import Manifest
from core.datasets.registry import Dataset
from core.indexes.store import MAX_MATCHES
from core.query.ood import OutOfDistribution
from core.query.query import Query, QueryImage
from core.query.result import QueryResult, precision_by_rank
from pages.parts.components.charts import TRAIN_COLOR
from pages.parts.components.gallery import Tile, selectable_gallery
from pages.parts.components.plot import plot
from pages.parts.components.text import plain
from pages.parts.components.tiles import tiles_of_matches
from pages.parts.query import export
from state import session

TOP_CLASSES = 5
ON_A_PAGE = 100
MORE = (20, 50, 100, 200, 500, MAX_MATCHES)
"""Numbers of matches after each click on *More*."""

CURVE_WIDTH, CURVE_HEIGHT = 220, 72
"""In pixels."""

MIN_WAIT_S = 0.001
"""Shorter waits are not shown."""

SPLITS = {"validation": "held-out validation images", "test": "held-out test images"}


def verdict(
    result: QueryResult, model: Manifest, dataset: Dataset, first_line: DeltaGenerator
) -> None:
    """Show the predicted class, the kNN vote, and in `first_line` how usual the query is."""
    if result.out_of_distribution is not None:
        _out_of_distribution(result.out_of_distribution, first_line)
    knows_these = model.made_from["dataset"] == dataset.name
    by_model = ("Predicted class", result.prediction[:TOP_CLASSES], _whose(model, dataset))
    by_vote = ("Its neighbors say", result.vote[:TOP_CLASSES], "share of the vote")
    # A model of another dataset predicts that dataset's classes: the vote is more useful
    parts = [
        part for part in ((by_model, by_vote) if knows_these else (by_vote, by_model)) if part[1]
    ]
    if not parts:
        st.caption("Neither does this model know classes, nor have the nearest images any.")
        return
    agreed = len({shares[0][0] for _, shares, _ in parts}) == 1
    with st.container(border=True):
        grid = st.grid(len(parts), min_column_width=220)
        for title, shares, note in parts:
            with grid.cell():
                _shares(title, shares, note)
    if not result.prediction:
        st.caption("This model knows no classes: the neighbors alone say what it is.")
    elif len(parts) == 2 and not agreed:
        st.caption(":orange[:material/compare_arrows:] Classifier and neighbors do not agree.")


def _whose(model: Manifest, dataset: Dataset) -> str:
    trained_on = model.made_from["dataset"]
    if trained_on == dataset.name:
        return "probability, by the classifier"
    whose = plain(trained_on) if trained_on else "the model, which was brought in"
    return f"among the classes of {whose}"


def _shares(title: str, shares: Sequence[tuple[str, float]], note: str) -> None:
    st.metric(title, shares[0][0])
    others = [f"{plain(label)} **{share:.1%}**" for label, share in shares]
    st.markdown(" · ".join(others) + f"  \n:gray[{note}]")


def _out_of_distribution(score: OutOfDistribution, place: DeltaGenerator) -> None:
    held_out = SPLITS.get(score.held_out, "the dataset's own images")
    said = (
        f"its nearest image is {score.similarity:.3f} similar, and of {held_out} "
        f"{100 - score.percentile:.0f} % have a nearer one"
    )
    if score.is_out_of_distribution:
        place.warning(f"**Like nothing in this dataset**: {said}.", icon=":material/question_mark:")
    elif score.is_borderline:
        place.caption(f":material/help: Less like this dataset than most images are: {said}.")
    else:
        place.caption(f":material/check: Like what is in this dataset: {said}.")


def matches(dataset: Dataset, result: QueryResult, label: str | None) -> Mapping[str, float]:
    """Show the matches and their actions; return the seconds that the thumbnails took."""
    query, shown = result.query, result.matches
    if not shown:
        st.info("No image fits. Take a filter away, or ask for less similarity.")
        return {}
    pages = -(-len(shown) // ON_A_PAGE)
    bar = st.container(horizontal=True, gap="small", vertical_alignment="center")
    if label is not None:
        _precision(result, label)
    page = st.pagination(pages, key="query-page") if pages > 1 else 1
    first = (page - 1) * ON_A_PAGE
    started = time.perf_counter()
    tiles = tiles_of_matches(dataset, shown[first : first + ON_A_PAGE], label, first_rank=first + 1)
    seconds = {"thumbnails": time.perf_counter() - started}
    _gallery(query, tiles)
    with bar:
        _bar(query, len(shown))
        st.space("stretch")
        export.popover(dataset, result)
    _more(query, len(shown))
    return seconds


def _precision(result: QueryResult, label: str) -> None:
    """Show how many matches have the query's class, and precision over rank."""
    precision = precision_by_rank(result.matches, label)
    count = len(precision)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.markdown(
            f"**{precision[-1] * count:.0f} of {count}** are of the same class ({plain(label)}): "
            f"precision@{count} **{precision[-1]:.2f}**",
            width="content",
        )
        if count > 1:
            with st.container(width=CURVE_WIDTH):
                plot(_rank_curve(precision), key="query-ranks", height=CURVE_HEIGHT)


def _rank_curve(precision: NDArray[np.float64]) -> go.Figure:
    """Return a small chart of (K,) precision@k over k."""
    figure = go.Figure()
    figure.add_scatter(
        x=np.arange(1, len(precision) + 1),
        y=precision.round(4),
        mode="lines",
        line={"color": TRAIN_COLOR, "width": 2},
        fill="tozeroy",
        hovertemplate="precision@%{x}: %{y:.2f}<extra></extra>",
    )
    figure.update_layout(
        margin={"l": 30, "r": 6, "t": 6, "b": 18},
        showlegend=False,
        xaxis={"range": [1, len(precision)], "tickvals": [1, len(precision)], "showgrid": False},
        yaxis={"range": [0, 1.02], "tickvals": [0, 1], "showgrid": False},
    )
    return figure


def _gallery(query: Query, tiles: Sequence[Tile]) -> None:
    chosen = session.selection()
    event = selectable_gallery(
        [tile.with_chip("more like it") if tile.id in query.positives else tile for tile in tiles],
        selected=chosen.selected_matches,
        key="query-gallery",
        label="Matches",
    )
    if event.selected is not None:
        chosen.selected_matches = event.selected
    if event.opened is not None:
        chosen.open_match = event.opened


def _bar(query: Query, count: int) -> None:
    """Show the actions on the selected matches."""
    marked = sorted(session.selection().selected_matches)
    if not marked:
        st.markdown(f"**{count:,} matches**", width="content")
        st.caption("Click one to see why; select some to ask for more or less like them.")
        return
    st.markdown(f"**{len(marked)}** selected", width="content")
    more = query.with_examples(marked, positive=True)
    less = query.with_examples(marked, positive=False)
    alone = query.with_only(QueryImage(image_id=image_id) for image_id in marked)
    for text, key, icon, then in (
        ("More like these", "more", ":material/add:", more),
        ("Less like these", "less", ":material/remove:", less),
        ("Search by these", "by", ":material/image_search:", alone),
    ):
        st.button(text, key=f"query-{key}", icon=icon, on_click=session.set_query, args=(then,))
    st.button("Clear", key="query-unmark", type="tertiary", on_click=_unmark)


def _unmark() -> None:
    session.selection().selected_matches = frozenset()


def _more(query: Query, count: int) -> None:
    """Offer more matches, or say that there are no more."""
    k = query.options.k
    if count < k:
        st.caption(f"These {count} are all that fit; {k} were asked for.")
        return
    with st.container(horizontal=True, horizontal_alignment="center"):
        for label, key, allowed in (
            ("Fewer", "fewer", [step for step in reversed(MORE) if step < k]),
            ("More matches", "further", [step for step in MORE if step > k]),
        ):
            if allowed:
                st.button(
                    f"{label}: {allowed[0]:,}",
                    key=f"query-{key}",
                    on_click=session.set_query,
                    args=(query.with_options(k=allowed[0]),),
                )


def times(seconds: Mapping[str, float], shared_by: int = 1) -> None:
    """Show the time of each stage, and how many queries shared the forward pass."""
    with st.container(horizontal=True, gap="xsmall"):
        for stage, spent in seconds.items():
            if stage != "wait" or spent > MIN_WAIT_S:
                st.badge(f"{stage} {1e3 * spent:.0f} ms", color="gray")
        if shared_by > 1:
            st.badge(
                f"{shared_by} queries at once",
                color="gray",
                help="They came from several tabs and went through the model together.",
            )
