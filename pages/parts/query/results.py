"""The matches of a query, and their actions."""

import time
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from core.datasets.registry import Dataset
from core.indexes.store import MAX_MATCHES
from core.query.query import Query, QueryImage
from core.query.result import QueryResult, precision_by_rank
from pages.parts.components import empty
from pages.parts.components.charts import TRAIN_COLOR
from pages.parts.components.gallery import Tile, selectable_gallery
from pages.parts.components.plot import plot
from pages.parts.components.text import plain
from pages.parts.components.tiles import tiles_of_matches
from pages.parts.query import export
from state import session

ON_A_PAGE = 100
MORE = (20, 50, 100, 200, 500, MAX_MATCHES)
"""Numbers of matches that can be shown."""

TILE_PX = 104
CURVE_HEIGHT = 140
"""In pixels."""

MIN_WAIT_S = 0.001
"""Shorter waits are not shown."""


def matches(dataset: Dataset, result: QueryResult, label: str | None) -> Mapping[str, float]:
    """Show the matches and their actions; return the seconds that the thumbnails took."""
    query, shown = result.query, result.matches
    if not shown:
        empty.state(
            empty.NO_MATCH,
            "No matches. Remove a filter or lower the min. similarity.",
            key="matches",
        )
        return {}
    bar = st.container(
        horizontal=True, gap="small", vertical_alignment="center", key="query-results-bar"
    )
    above = st.container()
    pages = -(-len(shown) // ON_A_PAGE)
    page = st.pagination(pages, key="query-results-page") if pages > 1 else 1
    first = (page - 1) * ON_A_PAGE
    started = time.perf_counter()
    tiles = tiles_of_matches(dataset, shown[first : first + ON_A_PAGE], label, first_rank=first + 1)
    seconds = {"thumbnails": time.perf_counter() - started}
    with above:
        _gallery(query, tiles)
    with bar:
        _bar(result, label)
        st.space("stretch")
        if label is not None and len(shown) > 1 and not session.selection().selected_matches:
            _precision(result, label)
        export.popover(dataset, result)
    _more(result)
    return seconds


def _precision(result: QueryResult, label: str) -> None:
    """Show precision over rank in a popover."""
    precision = precision_by_rank(result.matches, label)
    popover = st.popover(
        "Precision", icon=":material/show_chart:", key="query-precision", on_change="rerun"
    )
    if popover.open:
        with popover:
            st.caption(f"Precision@k for class {plain(label)}")
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
        [tile.with_chip("positive") if tile.id in query.positives else tile for tile in tiles],
        selected=chosen.selected_matches,
        key="query-gallery",
        tile_px=TILE_PX,
        label="Matches",
        outlined=chosen.open_match,
    )
    if event.selected is not None:
        chosen.selected_matches = event.selected
    if event.opened is not None:
        chosen.open_match = event.opened


def _bar(result: QueryResult, label: str | None) -> None:
    """Show the number of matches, or the actions on the selected ones."""
    marked = sorted(session.selection().selected_matches)
    if not marked:
        st.markdown(_counts(result, label), width="content")
        return
    query = result.query
    st.markdown(f"**{len(marked)}** selected", width="content")
    more = query.with_examples(marked, positive=True)
    less = query.with_examples(marked, positive=False)
    alone = query.with_only(QueryImage(image_id=image_id) for image_id in marked)
    for text, key, icon, then in (
        ("More like these", "more", ":material/add:", more),
        ("Less like these", "less", ":material/remove:", less),
        ("Use as query", "by", ":material/image_search:", alone),
    ):
        st.button(text, key=f"query-{key}", icon=icon, on_click=session.set_query, args=(then,))
    st.button("Clear", key="query-unmark", type="tertiary", on_click=_unmark)


def _counts(result: QueryResult, label: str | None) -> str:
    count = len(result.matches)
    found = f"**{count:,} match{'es' if count > 1 else ''}**"
    if label is None:
        return found
    precision = precision_by_rank(result.matches, label)[-1]
    right = f"{precision * count:.0f} of {count} {plain(label)}"
    return f"{found} · {right} · precision@{count} **{precision:.2f}**"


def _unmark() -> None:
    session.selection().selected_matches = frozenset()


def _more(result: QueryResult) -> None:
    """Offer more matches, or say that there are no more."""
    query, count = result.query, len(result.matches)
    k = query.options.k
    if result.shortfall:
        st.caption(f"{result.shortfall}.")
        return
    if count < k:
        st.caption(f"{count:,} of {k:,} requested matches found.")
        return
    fewer = [step for step in reversed(MORE) if step < k]
    more = [step for step in MORE if step > k]
    with st.container(horizontal=True, horizontal_alignment="center"):
        for key, allowed in (("fewer", fewer), ("further", more)):
            if allowed:
                st.button(
                    f"Show {allowed[0]:,}",
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
                f"batch of {shared_by}",
                color="gray",
                help="Queries of several tabs share one forward pass.",
            )
