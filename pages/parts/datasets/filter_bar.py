"""The filter bar: fields that filter and sort the images, and a chip for each active filter."""

from dataclasses import replace
from typing import Any, Literal

import streamlit as st

from core.datasets.columns import FILTERS, ImageFilter, ImageStatus, Order
from core.datasets.filter_kinds import AnyOf, Contains
from core.datasets.registry import Dataset
from pages.parts.components import filter_chips
from state import facts, session
from state.view import PAGE_SIZES, TILE_SIZES, View

WIDTH = 150
TEXT_WIDTH = 200
PAGES = {size: f"{size} images" for size in PAGE_SIZES}


def show(dataset: Dataset, view: View) -> None:
    """Draw the fields and the chips; ranges are set in the charts."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        for name, kind in FILTERS.items():
            if isinstance(kind, Contains):
                _text(name, kind, view.images)
        for name, kind in FILTERS.items():
            if isinstance(kind, AnyOf):
                _adder(name, kind, view.images, facts.filter_values(dataset.catalog, kind))
        statuses = {status: status.label for status in ImageStatus}
        _choice(FILTERS["status"].label, "status", statuses, view.images.status)
        _choice("Sort by", "order", {order: order.label for order in Order}, view.order)
    filter_chips.show(view.images, page="datasets", change=narrow)


def page_size(view: View) -> None:
    """Draw the choice of the number of images on a page."""
    _choice("A page", "page_size", PAGES, view.page_size, label="collapsed")


def tile_size(view: View) -> None:
    """Draw the choice of the size of the tiles."""
    st.segmented_control(
        "Tiles",
        list(TILE_SIZES),
        key=session.set_widget("datasets-tile", view.tile),
        on_change=_choose,
        args=("tile", "datasets-tile"),
        required=True,
        label_visibility="collapsed",
    )


def narrow(images: ImageFilter) -> None:
    """Show the images that a filter selects, at their first page."""
    session.set_view(session.read_view().narrowed(images))


def _text(name: str, kind: Contains, images: ImageFilter) -> None:
    """Draw a field for a part of a text."""
    key = session.set_widget(f"datasets-{name}", getattr(images, name))
    st.text_input(
        f"{kind.label} contains",
        key=key,
        on_change=_set_text,
        args=(name, key),
        width=TEXT_WIDTH,
        icon=":material/search:",
    )


def _adder(name: str, kind: AnyOf, images: ImageFilter, values: list[str]) -> None:
    """Draw a field that adds a value to a filter."""
    chosen = getattr(images, name)
    key = session.set_widget(f"datasets-add-{name}", None)
    options = [value for value in values if value not in chosen]
    st.selectbox(
        kind.label,
        options,
        index=None,
        placeholder="Any" if not chosen else "Or…",
        format_func=kind.name_of,
        key=key,
        on_change=_add,
        args=(name, key),
        disabled=not options,
        width=WIDTH,
    )


def _choice(
    name: str,
    field: str,
    options: dict[Any, str],
    value: Any,
    label: Literal["visible", "collapsed"] = "visible",
) -> None:
    key = session.set_widget(f"datasets-{field}", value)
    st.selectbox(
        name,
        list(options),
        format_func=options.__getitem__,
        key=key,
        on_change=_choose,
        args=(field, key),
        label_visibility=label,
        width=WIDTH,
    )


def _set_text(name: str, key: str) -> None:
    narrow(session.read_view().images.having(**{name: str(session.value_of(key)).strip()}))


def _add(name: str, key: str) -> None:
    value = session.value_of(key)
    if value is not None:
        images = session.read_view().images
        narrow(images.having(**{name: (*getattr(images, name), str(value))}))


def _choose(field: str, key: str) -> None:
    """Adopt a choice; all but the size of the tiles lead to the first page."""
    view, value = session.read_view(), session.value_of(key)
    if field == "status":
        narrow(view.images.having(status=value))
    else:
        page = view.page if field == "tile" else 1
        session.set_view(replace(view, page=page, **{field: value}))
