"""The clicked image of a map with its neighbors, or the selected images with their actions."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.datasets import curation
from core.datasets.coded import EXCLUDED, NONE
from core.datasets.columns import ImageRow
from core.datasets.registry import Dataset
from core.maps.selection import (
    SelectionSummary,
    most_central,
    selection_as_csv,
    share_among,
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
TILE_PX = 84
CLASSES_NAMED, PAIRS_NAMED = 8, 3


def show_point(
    opened: OpenMap,
    dataset: Dataset,
    row: ImageRow,
    matches: "list[Match]",
    predicted: str | None,
) -> None:
    """Draw the image, its kNN vote and its nearest neighbors."""
    facts = [f"**{plain(row.label)}**"] if row.label else []
    if predicted is not None:
        color = "green" if predicted == row.label or row.label is None else "orange"
        facts.append(f":{color}[kNN vote {plain(predicted)}]")
    [tile] = tiles_of(dataset, [row])
    with st.container(horizontal=True, wrap=False, gap="small", vertical_alignment="center"):
        with st.container(width=150):
            tile = replace(tile, title="", caption="")
            use_as_query(gallery([tile], key="explore-point", columns=1, label="Selected image"))
        st.markdown("  \n".join([*facts, row.split or "", f":gray[{plain(row.path)}]"]))
    with st.container(horizontal=True, gap="xsmall"):
        if st.button("Use as query", key="explore-point-ask", icon=":material/image_search:"):
            navigation.query_by(row.id)
        st.button("Clear", key="explore-clear", type="tertiary", on_click=_clear, args=(opened,))
    if not matches:
        return
    st.caption(f"{len(matches)} nearest neighbors")
    tiles = tiles_of_matches(dataset, matches, row.label)
    use_as_query(
        gallery(tiles, key="explore-neighbors-of-point", tile_px=TILE_PX, label="Neighbors")
    )


def first_images(dataset: Dataset, ids: Sequence[int], *, key: str) -> None:
    """Draw the first of the selected images; a click queries by one."""
    if len(ids) > SHOWN:
        st.caption(f"First {SHOWN}")
    tiles = tiles_of(dataset, _rows(dataset, ids[:SHOWN]))
    use_as_query(gallery(tiles, key=key, tile_px=TILE_PX, label="Selected images"))


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
        st.info("No images in this selection.")
        return
    if first is None:
        _summary("", opened, places)
    else:
        _compare(opened, np.array(opened.rows_of(list(first)), np.int64), places)
    there = places[opened.facts.images.statuses[places] != NONE]
    if not len(there):
        st.info("The selected images are no longer in the dataset.")
        return
    _actions(opened, dataset, there)
    _gallery(dataset, opened.map.image_ids[there].tolist())


def _summary(title: str, opened: OpenMap, places: NDArray[np.int64]) -> None:
    summary = opened.summarize(places)
    name = f"{title} · " if title else ""
    st.markdown(f"**{name}{summary.num_images:,} selected**  \n{_classes(summary)}")
    st.markdown(_precision(summary))


def _classes(summary: SelectionSummary) -> str:
    named = " · ".join(f"{plain(label)} {n:,}" for label, n in summary.classes[:CLASSES_NAMED])
    more = len(summary.classes) - CLASSES_NAMED
    return named + (f" · +{more} classes" if more > 0 else "")


def _precision(summary: SelectionSummary) -> str:
    if summary.precision is None:
        return ":gray[Precision needs labeled images.]"
    text = f"Precision@10 **{summary.precision:.1%}**"
    if summary.confused:
        pairs = [
            f"{plain(own)} → {plain(other)} {count:,}"
            for own, other, count in summary.confused[:PAIRS_NAMED]
        ]
        text += f" · most confused: {', '.join(pairs)}"
    return text


def _compare(opened: OpenMap, first: NDArray[np.int64], second: NDArray[np.int64]) -> None:
    """Draw two selections side by side, and the shares of their neighbors in either."""
    if not len(first):
        st.info("Selection A is no longer on the map.")
        return
    near = opened.map.neighbors
    for title, places, others in (("A", first, second), ("B", second, first)):
        with st.container(border=True):
            _summary(title, opened, places)
            other = "B" if title == "A" else "A"
            inside, across = (share_among(places, rows, near) for rows in (places, others))
            st.markdown(f"10-NN: **{inside:.1%}** in {title}, **{across:.1%}** in {other}")
    both = len(np.intersect1d(first, second))
    if both:
        st.caption(f"{both:,} images in both")


def _actions(opened: OpenMap, dataset: Dataset, places: NDArray[np.int64]) -> None:
    ids: list[int] = opened.map.image_ids[places].tolist()
    can_include = bool((opened.facts.images.statuses[places] == EXCLUDED).any())
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        _compare_button(opened, ids)
        if st.button(
            "Use as query", key="explore-ask", icon=":material/image_search:", help=BY_ALL
        ):
            navigation.query_by(*_central(opened, ids))
        curation_form.changes(dataset, ids, key="explore", can_include=can_include)
        if st.button(
            "Train without these", key="explore-without", icon=":material/model_training:"
        ):
            curation.exclude(dataset.catalog, ids)
            session.queue_toast(f"{len(ids):,} images excluded")
            navigation.go("Training")
        downloads.button(
            "CSV",
            lambda: csv_of(opened, _rows(dataset, ids)),
            f"{dataset.name}-selection.csv",
            key="explore-csv",
        )
        curation_form.undo_button(dataset, key="explore")
        st.button(
            "Clear selection",
            key="explore-clear",
            type="tertiary",
            on_click=_clear,
            args=(opened,),
        )


BY_ALL = f"Searches by all images, or by the {MAX_IMAGES} most central."


def _compare_button(opened: OpenMap, ids: list[int]) -> None:
    references, map_id = session.selection().map_reference, opened.map.manifest.id
    if map_id in references:
        if st.button("End comparison", key="explore-alone", icon=":material/close:"):
            del references[map_id]
            st.rerun()
    elif st.button(
        "Compare",
        key="explore-compare",
        icon=":material/compare:",
        help="Keeps this selection as A; the next one is B.",
    ):
        references[map_id] = tuple(ids)
        session.queue_toast("Selection A kept")
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


def _gallery(dataset: Dataset, ids: list[int]) -> None:
    num_pages = -(-len(ids) // SHOWN)
    page = st.pagination(num_pages, key=f"explore-page-{len(ids)}") if num_pages > 1 else 1
    shown = _rows(dataset, ids[(page - 1) * SHOWN : page * SHOWN])
    tiles = tiles_with_tags(dataset, shown)
    use_as_query(gallery(tiles, key="explore-selected", tile_px=TILE_PX, label="Selected images"))


def _rows(dataset: Dataset, ids: Sequence[int]) -> list[ImageRow]:
    """Return the rows of images in their order, without those that no longer exist."""
    rows = dataset.catalog.rows_by_id(ids)
    return [rows[image_id] for image_id in ids if image_id in rows]
