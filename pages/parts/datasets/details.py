"""Dialog of an image, with its metadata and its nearest neighbors beside it."""

import time
from dataclasses import replace
from functools import partial

import streamlit as st

from core.datasets import curation
from core.datasets.columns import ImageRow
from core.datasets.registry import Dataset
from core.lineage.graph import read_lineage
from pages.parts.components import dialogs, errors, image_boxes, navigation
from pages.parts.components.gallery import gallery
from pages.parts.components.text import plain, size
from pages.parts.components.tiles import tiles_of_matches
from state import facts, queries, resources, session
from state.view import View

SIDE = 900
"""Longest side of the image in the dialog, in pixels."""

NEIGHBORS = 8


def show(dataset: Dataset, view: View) -> None:
    """Draw the dialog if an image is open, in every run until it is closed."""
    if session.selection().open_image is not None:
        _dialog(dataset, view)


def _close() -> None:
    session.selection().open_image = None


@st.dialog("Image", width="large", on_dismiss=_close)
def _dialog(dataset: Dataset, view: View) -> None:
    chosen = session.selection()
    image_id, position = chosen.open_image or (0, None)
    row = dataset.catalog.rows_by_id([image_id]).get(image_id)
    if row is None:
        st.warning("This image is no longer in the dataset.")
        return
    count = facts.count(dataset.catalog, view.images)
    with st.container(horizontal=True, vertical_alignment="center"):
        dialogs.steps(position, count, partial(_go_to, dataset, view), key="details")
        st.space("stretch")
        if row.problem is None and st.button(
            "Use as query", key="details-query", type="primary", icon=":material/image_search:"
        ):
            _close()
            navigation.query_by(row.id)
    picture, facts_about = st.columns([3, 2], gap="medium")
    with picture:
        boxes = dataset.catalog.boxes_of([row.id]).get(row.id, ())
        dialogs.picture(dataset, row, SIDE, image_boxes.shown(boxes, key="details-boxes"))
        _file(dataset, row)
    with facts_about:
        _about(dataset, row)
        image_boxes.tiles(dataset, row, boxes, key="details-box", before=_close)
        _neighbors(dataset, row)


def _go_to(dataset: Dataset, view: View, place: int) -> None:
    rows = dataset.catalog.rows(view.images, order=view.order, offset=place, limit=1)
    if rows:
        session.selection().open_image = (rows[0].id, place)


def _about(dataset: Dataset, row: ImageRow) -> None:
    tags = curation.tags_of(dataset.catalog, [row.id]).get(row.id, [])
    added = time.strftime("%Y-%m-%d", time.localtime(row.added_s))
    known = {
        "Class": row.label or "none",
        "Split": row.split or "none",
        "Tags": ", ".join(tags) or "none",
        "Size": f"{row.width:,} × {row.height:,} px, {size(row.size_bytes)}",
        "Added": added,
        "Status": "problem" if row.problem else "excluded" if row.excluded else "included",
    }
    dialogs.metadata(known)


def _file(dataset: Dataset, row: ImageRow) -> None:
    """Draw path and checksum of the file, to copy."""
    for name, value in (("Path", dataset.place_of(row)), ("SHA-256", row.sha256)):
        with st.container(gap="xxsmall"):
            st.markdown(f":small[{name}]")
            st.code(value, language=None, wrap_lines=True)


def _neighbors(dataset: Dataset, row: ImageRow) -> None:
    """Draw the nearest neighbors of the image in the index; a click opens one."""
    lineage = read_lineage(resources.workspace())
    index = lineage.index(session.selection().index)
    if index is None or index.made_from["dataset"] != dataset.name:
        st.caption("Build an index to see the nearest images.")
        return
    with errors.shown(st.caption):
        matches = queries.nearest_to_image(index, row.id, NEIGHBORS)
        if not matches:
            st.caption("The index does not contain this image yet.")
            return
        st.markdown("**Nearest images**", help=f"By {plain(index.id)}, with their similarity")
        tiles = [
            replace(tile, caption=f"{match.similarity:.3f}")
            for tile, match in zip(
                tiles_of_matches(dataset, matches, row.label), matches, strict=True
            )
        ]
        clicked = gallery(tiles, key="details-neighbors", tile_px=96, label="Nearest images")
        if clicked is not None:
            session.selection().open_image = (clicked, None)
            st.rerun(scope="fragment")
