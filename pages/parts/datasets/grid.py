"""Images that can be filtered, opened and selected: the filter rail beside a page of tiles."""

from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.datasets.columns import ImageFilter, ImageRow
from core.datasets.registry import Dataset
from pages.parts.components import empty, filter_chips, styles
from pages.parts.components.gallery import selectable_gallery
from pages.parts.components.tiles import tiles_with_tags
from pages.parts.datasets import details, filter_rail, selection_bar, view_controls
from state import facts, session
from state.view import TILE_SIZES, View

RAIL_WIDTH = 232
"""In pixels."""

FEW_COLUMNS, SCREEN_PX = 8, 760
"""For the height that is reserved for the images, so that nothing moves when they appear."""

IS_RAIL_OPEN = "datasets-rail-open"
"""Whether the rail is shown in a narrow window; in a wide one it always is."""


def show(dataset: Dataset, view: View, bar: DeltaGenerator) -> None:
    """Draw the rail and a page of images; their controls go into the bar above."""
    is_open = bool(session.value_of(IS_RAIL_OPEN))
    bar.button(
        "Filters",
        key="datasets-filters",
        icon=":material/tune:",
        on_click=session.remember,
        args=(IS_RAIL_OPEN, not is_open),
    )
    with st.container(horizontal=True, wrap=False, gap="small", key="datasets-browse"):
        folded = "" if is_open else "-folded"
        rail = st.container(width=RAIL_WIDTH, gap="small", key=f"datasets-rail{folded}")
        with rail:
            filter_rail.search(view.images)
        with st.container(gap="xsmall", key="datasets-images"):
            count = facts.count(dataset.catalog, view.images)
            filter_chips.show(
                view.images,
                page="datasets",
                change=filter_rail.narrow,
                before=f"**{count:,}** image{'' if count == 1 else 's'}",
            )
            _page(dataset, view, count, bar)
        with rail:  # Last, so that the images appear first
            filter_rail.show(dataset, view.images)


def _page(dataset: Dataset, view: View, count: int, bar: DeltaGenerator) -> None:
    """Draw the images, with controls of pages and selection around them."""
    if count == 0:
        empty.button(
            empty.NO_MATCH,
            "No image matches these filters.",
            "Clear filters",
            key="datasets-reset",
            on_click=_clear,
        )
        return
    num_pages = -(-count // view.page_size)
    view = replace(view, page=min(view.page, num_pages))
    rows = dataset.catalog.rows(
        view.images, order=view.order, offset=view.offset, limit=view.page_size
    )
    with bar:
        selection_bar.menu(dataset, view, rows, count)
        st.space("stretch")
        view_controls.pages(num_pages, view.page)
        view_controls.sort(view)
        view_controls.tile_size(view)
    _deselect_hidden(dataset, view)
    _images(dataset, view, rows)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        last = min(view.offset + view.page_size, count)
        st.markdown(f"**{view.offset + 1:,}–{last:,}** of **{count:,}** images", width="content")
        st.space("stretch")
        view_controls.steps(num_pages, view.page)
        view_controls.page_size(view)
    selection_bar.show(dataset, view, rows, count)


def _clear() -> None:
    filter_rail.narrow(ImageFilter())


def _deselect_hidden(dataset: Dataset, view: View) -> None:
    """Deselect images that the filters no longer show, after these or the catalog changed."""
    chosen = session.selection()
    shown = (view.images, dataset.catalog.revision)
    if chosen.selected_images and chosen.selected_under != shown:
        chosen.selected_images = dataset.catalog.among(chosen.selected_images, view.images)
    chosen.selected_under = shown


def _images(dataset: Dataset, view: View, rows: list[ImageRow]) -> None:
    chosen = session.selection()
    height = min(-(-len(rows) // FEW_COLUMNS) * TILE_SIZES[view.tile], SCREEN_PX)
    styles.add(f".st-key-datasets-gallery {{ min-height: {height}px; }}")
    event = selectable_gallery(
        tiles_with_tags(dataset, rows),
        selected=chosen.selected_images,
        key="datasets-gallery",
        tile_px=TILE_SIZES[view.tile],
        label="Images of the dataset",
        one_line=True,
    )
    if event.selected is not None:
        chosen.selected_images = event.selected
    if event.opened is not None:
        places = {row.id: view.offset + place for place, row in enumerate(rows)}
        chosen.open_image = (event.opened, places.get(event.opened))
    details.show(dataset, view)
