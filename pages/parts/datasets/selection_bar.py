"""Selection of images, and actions on it in a bar at the bottom of the window."""

import streamlit as st

from core.datasets.columns import ImageRow, ImageStatus
from core.datasets.registry import Dataset
from pages.parts.components.curation_form import changes, undo_button
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
    chosen = session.selection()
    if not chosen.selected_images >= {row.id for row in rows}:
        st.button(
            "Select page",
            key="datasets-pick-page",
            type="tertiary",
            on_click=_pick,
            args=(chosen.selected_images | {row.id for row in rows},),
        )
    if count > len(rows) and len(chosen.selected_images) < count:
        st.button(
            "Select all",
            key="datasets-pick-all",
            type="tertiary",
            on_click=lambda: _pick(frozenset(dataset.catalog.ids(view.images))),
        )
    if chosen.selected_images:
        st.button(
            "Clear",
            key="datasets-pick-none",
            type="tertiary",
            on_click=_pick,
            args=(frozenset(),),
        )


def _pick(ids: frozenset[int]) -> None:
    session.selection().selected_images = ids
