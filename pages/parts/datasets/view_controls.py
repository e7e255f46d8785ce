"""Controls of a page of images: order, pages, sizes."""

from dataclasses import replace
from typing import Any

import streamlit as st

from core.datasets.columns import Order
from state import session
from state.view import PAGE_SIZES, TILE_SIZES, View

WIDTH = 150
SIZES_WIDTH = 124
PAGES_SHOWN = 5
PAGER_WIDTH = 256
"""In pixels; a pager as wide as its content hides pages that it has room for."""


def sort(view: View) -> None:
    """Draw the choice of the order of the images."""
    options = {order: order.label for order in Order}
    _choice("Sort by", "order", options, view.order, ":material/sort:")


def page_size(view: View) -> None:
    """Draw the choice of the number of images on a page."""
    options = {size: f"{size} images" for size in PAGE_SIZES}
    _choice("Images per page", "page_size", options, view.page_size)


def tile_size(view: View) -> None:
    """Draw the choice of the size of the tiles."""
    st.segmented_control(
        "Tile size",
        list(TILE_SIZES),
        key=session.set_widget("datasets-tile", view.tile),
        on_change=_choose,
        args=("tile", "datasets-tile"),
        required=True,
        label_visibility="collapsed",
        width=SIZES_WIDTH,
    )


def pages(num_pages: int, page: int) -> None:
    """Draw the pager, if there is more than one page."""
    if num_pages > 1:
        st.pagination(
            num_pages,
            key=session.set_widget("datasets-page", page),
            max_visible_pages=PAGES_SHOWN,
            width=PAGER_WIDTH,
            on_change=lambda: _turn(int(session.value_of("datasets-page"))),
        )


def steps(num_pages: int, page: int) -> None:
    """Draw buttons to the previous and the next page, if there is more than one."""
    if num_pages > 1:
        for label, other in (("Previous", page - 1), ("Next", page + 1)):
            st.button(
                label,
                key=f"datasets-page-{label.lower()}",
                disabled=not 1 <= other <= num_pages,
                on_click=_turn,
                args=(other,),
            )


def _turn(page: int) -> None:
    session.set_view(replace(session.read_view(), page=page))


def _choice(
    name: str, field: str, options: dict[Any, str], value: Any, icon: str | None = None
) -> None:
    key = session.set_widget(f"datasets-{field}", value)
    st.selectbox(
        name,
        list(options),
        format_func=options.__getitem__,
        key=key,
        on_change=_choose,
        args=(field, key),
        icon=icon,
        label_visibility="collapsed",
        width=WIDTH,
    )


def _choose(field: str, key: str) -> None:
    """Adopt a choice; all but the size of the tiles lead to the first page."""
    view, value = session.read_view(), session.value_of(key)
    page = view.page if field == "tile" else 1
    session.set_view(replace(view, page=page, **{field: value}))
