"""The clicked image of a map with its neighbors, or the selected images with their actions."""

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.datasets import curation
from core.datasets.columns import ImageRow
from core.datasets.registry import Dataset
from core.maps.selection import (
    SelectionSummary,
    most_central,
    selection_as_csv,
    share_among,
    summarize,
)
from core.query.query import MAX_IMAGES
from pages.parts.components import curation_form, downloads, navigation
from pages.parts.components.gallery import gallery
from pages.parts.components.text import plain
from pages.parts.components.tiles import tiles_of, tiles_of_matches, tiles_with_tags
from state import open_maps, session
from state.open_maps import OpenMap

if TYPE_CHECKING:
    from core.query.result import Match

SHOWN = 60
CLASSES_NAMED, PAIRS_NAMED = 8, 3


def show_point(
    dataset: Dataset, row: ImageRow, matches: "list[Match]", predicted: str | None
) -> None:
    """Draw the image, its kNN vote and its nearest neighbors."""
    label = f"**{plain(row.label)}** · " if row.label else ""
    vote = ""
    if predicted is not None and row.label is not None:
        agree = predicted == row.label
        word = "agree" if agree else f"say **{plain(predicted)}**"
        vote = f" · :{'green' if agree else 'orange'}[its neighbors {word}]"
    st.markdown(f"{label}{plain(row.path)}{vote}")
    grid = st.grid(4, min_column_width=200)
    with grid.cell():
        clicked = gallery(
            tiles_of(dataset, [row]), key="explore-point", tile_px=200, label="The point"
        )
        use_as_query(clicked)
    with grid.cell(column_span=3):
        st.caption(f"Its {len(matches)} nearest images, lined to it on the map:")
        tiles = tiles_of_matches(dataset, matches, row.label)
        use_as_query(gallery(tiles, key="explore-neighbors-of-point", label="Neighbors"))


def use_as_query(clicked: int | None) -> None:
    """Open the Query page with the clicked image, if there is one."""
    if clicked is not None:
        session.query_by_image(clicked)
        navigation.go("Query")


def show(opened: OpenMap, dataset: Dataset, places: NDArray[np.int64]) -> None:
    """Draw the selected images, compared with the reference selection if there is one."""
    chosen, map_id = session.selection(), opened.map.manifest.id
    first = chosen.map_reference.get(map_id)
    if not len(places):
        st.info("No image lies in that selection. Draw around some points.")
        return
    if first is None:
        _summary("Selected", opened, places)
    else:
        _compare(opened, np.array(opened.rows_of(list(first)), np.int64), places)
    ids = opened.map.image_ids[places].tolist()
    rows = dataset.catalog.rows_by_id(ids)
    there = [rows[i] for i in ids if i in rows]
    if not there:
        st.info("None of them is in the dataset any more. Draw around others.")
        return
    _actions(opened, dataset, there)
    _gallery(dataset, there)


def _summary(title: str, opened: OpenMap, places: NDArray[np.int64]) -> None:
    summary = summarize(places, opened.facts.labels, opened.map.neighbors)
    st.markdown(f"**{title}: {summary.num_images:,} images.** {_classes(summary)}")
    st.markdown(_precision(summary))


def _classes(summary: SelectionSummary) -> str:
    named = ", ".join(f"{plain(label)} {n:,}" for label, n in summary.classes[:CLASSES_NAMED])
    more = len(summary.classes) - CLASSES_NAMED
    return named + (f" and {more} more classes" if more > 0 else "")


def _precision(summary: SelectionSummary) -> str:
    if summary.precision is None:
        return ":gray[They have no labels, so nothing can be said of their precision.]"
    text = f"Precision@10 **{summary.precision:.1%}**"
    if summary.confused:
        pairs = [
            f"{plain(own)} → {plain(other)} {count:,} times"
            for own, other, count in summary.confused[:PAIRS_NAMED]
        ]
        text += f" · most confused: {', '.join(pairs)}"
    return text + "  \n:gray[each asked among all others on the map]"


def _compare(opened: OpenMap, first: NDArray[np.int64], second: NDArray[np.int64]) -> None:
    """Draw two selections side by side, and the shares of their neighbors in either."""
    if not len(first):
        st.info("The selection that was kept is no longer on the map.")
        return
    near = opened.map.neighbors
    grid = st.grid(2, min_column_width=280)
    for title, places, others in (("A", first, second), ("B", second, first)):
        with grid.cell(), st.container(border=True):
            _summary(title, opened, places)
            other = "B" if title == "A" else "A"
            inside, across = (share_among(places, rows, near) for rows in (places, others))
            st.markdown(
                f"Of their ten nearest **{inside:.1%}** are in {title}, **{across:.1%}** in {other}"
            )
    both = len(np.intersect1d(first, second))
    if both:
        st.caption(f"{both:,} images are in both.")


def _actions(opened: OpenMap, dataset: Dataset, rows: list[ImageRow]) -> None:
    ids = [row.id for row in rows]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _compare_button(opened, ids)
        if st.button(
            "Use as query", key="explore-ask", icon=":material/image_search:", help=BY_ALL
        ):
            navigation.query_by(*_central(opened, ids))
        curation_form.changes(
            dataset, ids, key="explore", can_include=any(row.excluded for row in rows)
        )
        if st.button(
            "Train without these", key="explore-without", icon=":material/model_training:"
        ):
            curation.exclude(dataset.catalog, ids)
            session.queue_toast(f"{len(ids):,} images are left out. Undo on the Datasets page.")
            navigation.go("Training")
        downloads.button(
            "CSV",
            lambda: csv_of(opened, rows),
            f"{dataset.name}-selection.csv",
            key="explore-csv",
        )
        curation_form.undo_button(dataset, key="explore")
        st.button("Let go", key="explore-clear", type="tertiary", on_click=_clear, args=(opened,))


BY_ALL = f"By all of them together; of more than {MAX_IMAGES} by those in the middle."


def _compare_button(opened: OpenMap, ids: list[int]) -> None:
    references, map_id = session.selection().map_reference, opened.map.manifest.id
    if map_id in references:
        if st.button("End comparison", key="explore-alone", icon=":material/close:"):
            del references[map_id]
            st.rerun()
    elif st.button(
        "Compare with…",
        key="explore-compare",
        icon=":material/compare:",
        help="Keeps these as A; draw around others, which become B.",
    ):
        references[map_id] = tuple(ids)
        session.queue_toast("Kept as A. Now draw around others.")
        st.rerun()


def _central(opened: OpenMap, ids: list[int]) -> list[int]:
    """Return the most central of some images on the map, as many as a query takes."""
    points = opened.map.points[opened.rows_of(ids)]
    return [ids[place] for place in most_central(points, MAX_IMAGES).tolist()]


def _clear(opened: OpenMap) -> None:
    chosen, map_id = session.selection(), opened.map.manifest.id
    chosen.map_event[map_id] = None
    chosen.map_reference.pop(map_id, None)
    chosen.map_clears += 1


def csv_of(opened: OpenMap, rows: list[ImageRow]) -> bytes:
    """Return images of the map as CSV."""
    places = opened.rows_of([row.id for row in rows])
    votes = [open_maps.predicted_of(opened, place) for place in places]
    return selection_as_csv(rows, votes, opened.map.preserved[places])


def _gallery(dataset: Dataset, rows: list[ImageRow]) -> None:
    num_pages = -(-len(rows) // SHOWN)
    page = st.pagination(num_pages, key=f"explore-page-{len(rows)}") if num_pages > 1 else 1
    shown = rows[(page - 1) * SHOWN : page * SHOWN]
    tiles = tiles_with_tags(dataset, shown)
    use_as_query(gallery(tiles, key="explore-selected", label="Selected images"))
