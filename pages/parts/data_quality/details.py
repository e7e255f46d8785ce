"""Dialog of one listed image: why it is listed, its neighbors, and actions."""

import streamlit as st

from core.artifacts.manifests import Manifest
from core.datasets import curation
from core.datasets.columns import ImageRow
from core.datasets.registry import Dataset
from core.quality.config import Check
from pages.parts.components import curation_form, dialogs, errors, image_boxes, navigation
from pages.parts.components.gallery import gallery
from pages.parts.components.text import plain
from pages.parts.components.tiles import tiles_of_matches
from pages.parts.data_quality import actions
from pages.parts.data_quality.listed import Listed
from state import quality, session

NEAREST = 5
SIDE = 480
"""Longest side of the image, in pixels."""

TILE_PX = 110


def show(dataset: Dataset, manifest: Manifest, listed: Listed) -> None:
    """Draw the dialog if a listed image is open; needed at every run until it is closed."""
    if listed.place_of(session.selection().quality_open) is not None:
        _dialog(dataset, manifest, listed)


def _close() -> None:
    session.selection().quality_open = None


@st.dialog("Review image", width="large", on_dismiss=_close)
def _dialog(dataset: Dataset, manifest: Manifest, listed: Listed) -> None:
    place = listed.place_of(session.selection().quality_open)
    if place is None:
        return
    image_id = int(listed.ids[place])
    row = dataset.catalog.rows_by_id([image_id]).get(image_id)
    if row is None:
        st.warning("This image is no longer in the dataset.")
        return
    ids = listed.ids
    dialogs.steps(place, len(ids), lambda other: _open(int(ids[other])), key="why")
    image_column, text_column = st.columns([2, 3])
    with image_column:
        boxes = dataset.catalog.boxes_of([row.id]).get(row.id, ())
        dialogs.picture(dataset, row, SIDE, image_boxes.shown(boxes, key="why-boxes"))
    with text_column:
        st.markdown(_reason(row, listed, place))
        _actions(dataset, listed, place, row)
        _neighbors(dataset, manifest, row)


def _open(image_id: int | None) -> None:
    session.selection().quality_open = image_id


def _reason(row: ImageRow, listed: Listed, place: int) -> str:
    score = listed.score_at(place)
    label = f"Label **{plain(row.label)}**" if row.label else "Unlabeled"
    facts = f"  \n:gray[{plain(row.path)} · {row.split or 'no split'}]"
    match listed.check:
        case Check.LABEL_ISSUES:
            other = plain(listed.suggested_at(place) or "")
            reason = f"{label} · suggested **{other}** · {100 * score:.1f} % likely mislabeled"
        case Check.OUTLIERS:
            reason = f"{label} · mean distance to the 10 nearest images {score:.3f}"
        case Check.REPRESENTATIVENESS:
            reason = f"{label} · similarity to the class mean {score:.3f}"
        case _:
            reason = f"{label} · mean similarity to the cluster {score:.3f}"
    return reason + facts


def _actions(dataset: Dataset, listed: Listed, place: int, row: ImageRow) -> None:
    tag = listed.check.checked_tag
    suggested = listed.suggested_at(place)
    if suggested is not None and st.button(
        f"Apply label {plain(suggested)}", key="why-accept", type="primary", icon=":material/check:"
    ):
        actions.accept(dataset, {row.id: suggested}, tag)
        _go_on(listed, place)
    with st.container(horizontal=True, gap="small"):
        if st.button(actions.keep_label(listed.check), key="why-keep", icon=":material/thumb_up:"):
            actions.mark_correct(dataset, [row.id], tag)
            _go_on(listed, place)
        if st.button("Exclude", key="why-exclude", icon=":material/block:"):
            curation_form.say(curation.exclude(dataset.catalog, [row.id]))
            _go_on(listed, place)
        if st.button("Use as query", key="why-query", icon=":material/image_search:"):
            _close()
            navigation.query_by(row.id)


def _go_on(listed: Listed, place: int) -> None:
    """Open the next image of the list after this one was reviewed."""
    rest = [*listed.ids[place + 1 : place + 2], *listed.ids[max(place - 1, 0) : place]]
    _open(int(rest[0]) if rest else None)
    st.rerun()


def _neighbors(dataset: Dataset, manifest: Manifest, row: ImageRow) -> None:
    """Draw the nearest images with their labels; a click queries by the image."""
    with errors.shown(st.caption):
        matches = quality.nearest(manifest, dataset, row.id, NEAREST)
        if not matches:
            st.caption("All neighbors were excluded or deleted.")
            return
        st.markdown(f"**{len(matches)} nearest images**", help="Select one to search by it.")
        tiles = tiles_of_matches(dataset, matches, row.label)
        clicked = gallery(tiles, key="why-neighbors", tile_px=TILE_PX, label="Nearest images")
        if clicked is not None:
            _close()
            navigation.query_by(clicked)
