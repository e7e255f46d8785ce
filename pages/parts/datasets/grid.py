"""A page of images that can be opened and selected."""

from dataclasses import replace

import streamlit as st

from core.datasets.columns import ImageRow
from core.datasets.registry import Dataset
from pages.parts.components.curation_form import undo_button
from pages.parts.components.gallery import selectable_gallery
from pages.parts.components.tiles import tiles_with_tags
from pages.parts.datasets import details, filter_bar, selection_bar, view_charts
from state import facts, session
from state.view import TILE_SIZES, View


def show(dataset: Dataset, view: View) -> None:
    """Draw filters, charts and a page of images."""
    filter_bar.show(dataset, view)
    charts = st.container()
    _page(dataset, view)
    with charts:  # Last, so that the images appear first
        _charts(dataset, view)


def _charts(dataset: Dataset, view: View) -> None:
    charts = st.expander(
        "Charts: click a class, drag over sizes",
        icon=":material/bar_chart:",
        expanded=True,
        key="datasets-charts",
        on_change="rerun",
    )
    if charts.open:
        with charts:
            view_charts.show(dataset, view.images)


def _page(dataset: Dataset, view: View) -> None:
    """Draw the images, with controls of pages and selection around them."""
    count = facts.count(dataset.catalog, view.images)
    if count == 0:
        st.info("No image fits these filters. Take one away above.")
        undo_button(dataset)
        return
    num_pages = -(-count // view.page_size)
    view = replace(view, page=min(view.page, num_pages))
    rows = dataset.catalog.rows(
        view.images, order=view.order, offset=view.offset, limit=view.page_size
    )
    _deselect_hidden(dataset, view)
    bar = st.container(horizontal=True, vertical_alignment="center", gap="small")
    _images(dataset, view, rows)
    with bar:  # Drawn once the selection is known
        last = min(view.offset + view.page_size, count)
        st.markdown(f"**{view.offset + 1:,}–{last:,}** of **{count:,}** images", width="content")
        selection_bar.show(dataset, view, rows, count)
        st.space("stretch")
        if num_pages > 1:
            _pages(num_pages, view.page, "datasets-page")
        filter_bar.tile_size(view)
    with st.container(horizontal=True, horizontal_alignment="right", gap="small"):
        if num_pages > 1:
            _pages(num_pages, view.page, "datasets-page-below")
        filter_bar.page_size(view)


def _pages(num_pages: int, page: int, key: str) -> None:
    st.pagination(num_pages, key=session.set_widget(key, page), on_change=_turn, args=(key,))


def _turn(key: str) -> None:
    session.set_view(replace(session.read_view(), page=int(session.value_of(key))))


def _deselect_hidden(dataset: Dataset, view: View) -> None:
    """Deselect images that the filters no longer show, after these or the catalog changed."""
    chosen = session.selection()
    shown = (view.images, dataset.catalog.revision)
    if chosen.selected_images and chosen.selected_under != shown:
        chosen.selected_images &= frozenset(dataset.catalog.ids(view.images))
    chosen.selected_under = shown


def _images(dataset: Dataset, view: View, rows: list[ImageRow]) -> None:
    chosen = session.selection()
    event = selectable_gallery(
        tiles_with_tags(dataset, rows),
        selected=chosen.selected_images,
        key="datasets-gallery",
        tile_px=TILE_SIZES[view.tile],
        label="Images of the dataset",
    )
    if event.selected is not None:
        chosen.selected_images = event.selected
    if event.opened is not None:
        places = {row.id: view.offset + place for place, row in enumerate(rows)}
        chosen.open_image = (event.opened, places.get(event.opened))
    details.show(dataset, view)
