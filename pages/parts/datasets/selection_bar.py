"""Selection of images, and actions on it in a bar at the bottom of the window."""

from functools import partial

import streamlit as st

from core.datasets.columns import ImageRow, ImageStatus
from core.datasets.registry import Dataset
from pages.parts.components.curation_form import changes, undo_button
from pages.parts.components.gallery import selection_buttons
from state import session
from state.view import View


def show(dataset: Dataset, view: View, rows: list[ImageRow], count: int) -> None:
    """Draw selection buttons; with a selection at the bottom, beside the actions."""
    picked = session.selection().selected_images
    if not picked:
        _extend(dataset, view, rows, count)
        undo_button(dataset)
        return
    with st.bottom, st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{len(picked):,}** selected", width="content")
        _extend(dataset, view, rows, count)
        can_include = view.images.status != ImageStatus.USABLE
        changes(dataset, sorted(picked), key="datasets", can_include=can_include)
        undo_button(dataset)


def _extend(dataset: Dataset, view: View, rows: list[ImageRow], count: int) -> None:
    selected, here = session.selection().selected_images, [row.id for row in rows]
    has_more = count > len(here) and len(selected) < count
    all_ids = partial(dataset.catalog.ids, view.images) if has_more else None
    selection_buttons("datasets", selected, here, _pick, all_ids)


def _pick(ids: frozenset[int]) -> None:
    session.selection().selected_images = ids
