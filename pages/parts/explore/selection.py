"""The images inside a lasso or a box: what they are, how the model takes them, what to do next."""

from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from core.datasets import curation
from core.datasets.catalog import ImageRow
from core.datasets.registry import Dataset
from core.maps.selection_facts import Facts, describe, found_among
from core.query.query import MAX_IMAGES
from pages.parts.components import curation_form, navigation
from pages.parts.components.gallery import Tile, gallery
from pages.parts.components.text import plain
from pages.parts.components.tiles import tiles_of
from pages.parts.explore.point import use_as_query
from state import open_maps, session
from state.open_maps import OpenMap

SHOWN = 60
CLASSES_NAMED, PAIRS_NAMED = 8, 3


def show(opened: OpenMap, dataset: Dataset, places: NDArray[np.int64]) -> None:
    """Draw what was selected, beside what was selected before where that was kept."""
    chosen, map_id = session.selection(), opened.map.manifest.id
    first = chosen.map_kept.get(map_id)
    if not len(places):
        st.info("No image lies in that selection. Draw around some points.")
        return
    if first is None:
        _facts("Selected", opened, places)
    else:
        _compare(opened, np.array(opened.rows_of(list(first)), np.int64), places)
    ids = opened.map.image_ids[places].tolist()
    rows = dataset.catalog.rows_by_id(ids)
    there = [rows[i] for i in ids if i in rows]
    if not there:
        st.info("None of them is in the dataset any more. Draw around others.")
        return
    _actions(opened, dataset, places, there)
    _gallery(dataset, there)


def _facts(title: str, opened: OpenMap, places: NDArray[np.int64]) -> None:
    facts = describe(places, opened.described.labels, opened.map.neighbors)
    st.markdown(f"**{title}: {facts.num_images:,} images.** {_classes(facts)}")
    st.markdown(_precision(facts))


def _classes(facts: Facts) -> str:
    named = ", ".join(f"{plain(label)} {n:,}" for label, n in facts.classes[:CLASSES_NAMED])
    more = len(facts.classes) - CLASSES_NAMED
    return named + (f" and {more} more classes" if more > 0 else "")


def _precision(facts: Facts) -> str:
    if facts.precision is None:
        return ":gray[They have no labels, so nothing can be said of their precision.]"
    said = f"Precision@10 **{facts.precision:.1%}**"
    if facts.confused:
        pairs = [
            f"{plain(own)} → {plain(other)} {count:,} times"
            for own, other, count in facts.confused[:PAIRS_NAMED]
        ]
        said += f" · most confused: {', '.join(pairs)}"
    return said + "  \n:gray[each asked among all others on the map]"


def _compare(opened: OpenMap, first: NDArray[np.int64], second: NDArray[np.int64]) -> None:
    """Draw two selections side by side, and how much the model mixes them."""
    if not len(first):
        st.info("The selection that was kept is no longer on the map.")
        return
    near = opened.map.neighbors
    grid = st.grid(2, min_column_width=280)
    for title, places, others in (("A", first, second), ("B", second, first)):
        with grid.cell(), st.container(border=True):
            _facts(title, opened, places)
            other = "B" if title == "A" else "A"
            inside, across = (found_among(places, rows, near) for rows in (places, others))
            st.markdown(
                f"Of their ten nearest **{inside:.1%}** are in {title}, **{across:.1%}** in {other}"
            )
    both = len(np.intersect1d(first, second))
    if both:
        st.caption(f"{both:,} images are in both.")


def _actions(
    opened: OpenMap, dataset: Dataset, places: NDArray[np.int64], rows: list[ImageRow]
) -> None:
    ids = [row.id for row in rows]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _compare_button(opened, ids)
        if st.button("Use as query", key="explore-ask", icon=":material/image_search:", help=ASKS):
            session.query_by_image(*_middle(opened, ids))
            navigation.go("Query")
        curation_form.changes(
            dataset, ids, key="explore", can_include=any(row.excluded for row in rows)
        )
        if st.button(
            "Train without these", key="explore-without", icon=":material/model_training:"
        ):
            curation.exclude(dataset.catalog, ids)
            session.say(f"{len(ids):,} images are left out. Undo on the Datasets page.")
            navigation.go("Training")
        st.download_button(
            "CSV",
            lambda: csv_of(opened, places, rows),
            file_name=f"{dataset.name}-selection.csv",
            mime="text/csv",
            on_click="ignore",
            icon=":material/download:",
            key="explore-csv",
        )
        curation_form.undo_button(dataset, key="explore")
        st.button("Let go", key="explore-clear", type="tertiary", on_click=_clear, args=(opened,))


ASKS = f"By all of them together; of more than {MAX_IMAGES} by those in the middle."


def _compare_button(opened: OpenMap, ids: list[int]) -> None:
    kept, map_id = session.selection().map_kept, opened.map.manifest.id
    if map_id in kept:
        if st.button("End comparison", key="explore-alone", icon=":material/close:"):
            del kept[map_id]
            st.rerun()
    elif st.button(
        "Compare with…",
        key="explore-compare",
        icon=":material/compare:",
        help="Keeps these as A; draw around others, which become B.",
    ):
        kept[map_id] = tuple(ids)
        session.say("Kept as A. Now draw around others.")
        st.rerun()


def _middle(opened: OpenMap, ids: list[int]) -> list[int]:
    """Return the images nearest to the middle on the map, as many as may be asked by."""
    points = opened.map.points[opened.rows_of(ids)]
    away = np.square(points - np.median(points, axis=0)).sum(axis=1)
    return [ids[place] for place in np.argsort(away, kind="stable")[:MAX_IMAGES].tolist()]


def _clear(opened: OpenMap) -> None:
    chosen, map_id = session.selection(), opened.map.manifest.id
    chosen.map_event[map_id] = None
    chosen.map_kept.pop(map_id, None)
    chosen.map_clears += 1


def csv_of(opened: OpenMap, places: NDArray[np.int64], rows: list[ImageRow]) -> bytes:
    """Return a table of the images at `places` that are among `rows`."""
    by_id = {row.id: row for row in rows}
    lines = [
        {
            "image_id": row.id,
            "path": row.path,
            "label": row.label,
            "split": row.split,
            "neighbors_say": open_maps.predicted_of(opened, place),
            "neighbors_kept": round(float(opened.map.preserved[place]), 4),
        }
        for place, i in zip(places.tolist(), opened.map.image_ids[places].tolist(), strict=True)
        if (row := by_id.get(i))
    ]
    return pd.DataFrame(lines).to_csv(index=False).encode()


def _gallery(dataset: Dataset, rows: list[ImageRow]) -> None:
    num_pages = -(-len(rows) // SHOWN)
    page = st.pagination(num_pages, key=f"explore-page-{len(rows)}") if num_pages > 1 else 1
    shown = rows[(page - 1) * SHOWN : page * SHOWN]
    tags = curation.tags_of(dataset.catalog, [row.id for row in shown])
    tiles = [
        _with_standing(tile, row, tags.get(row.id, []))
        for tile, row in zip(tiles_of(dataset, shown), shown, strict=True)
    ]
    use_as_query(gallery(tiles, key="explore-selected", label="Selected images"))


def _with_standing(tile: Tile, row: ImageRow, tags: list[str]) -> Tile:
    return replace(tile, chips=tuple(tags), mark="excluded" if row.excluded else "")
