"""Which images are shown: the fields that narrow them, and a chip for each filter that is on."""

from dataclasses import replace
from typing import Any, Literal

import streamlit as st

from core.datasets.catalog import Split
from core.datasets.filters import NO_LABEL, NO_SPLIT, ImageFilter, ImageStatus, Order
from core.datasets.registry import Dataset
from pages.parts.components.text import plain
from state import facts, session
from state.view import PAGE_SIZES, TILE_SIZES, View

WIDTH = 150
TEXT_WIDTH = 200
ORDERS = {
    Order.ADDED: "Date added",
    Order.NEWEST: "Newest first",
    Order.NAME: "Path",
    Order.CLASS: "Class",
    Order.LARGEST: "Largest file first",
    Order.SMALLEST: "Smallest file first",
}
STANDINGS = {
    ImageStatus.USABLE: "In use",
    ImageStatus.EXCLUDED: "Excluded",
    ImageStatus.READABLE: "In use or excluded",
    ImageStatus.PROBLEM: "With a problem",
}
PAGES = {size: f"{size} images" for size in PAGE_SIZES}


def show(dataset: Dataset, view: View) -> None:
    """Draw the fields and the chips."""
    images = view.images
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.text_input(
            "Path contains",
            key=session.control("datasets-text", images.text),
            on_change=_set_text,
            width=TEXT_WIDTH,
            icon=":material/search:",
        )
        _adder("Class", "labels", [*facts.labels(dataset.catalog), NO_LABEL], images)
        _adder("Split", "splits", [*Split, NO_SPLIT], images)
        _adder("Tag", "tags", list(facts.tag_counts(dataset.catalog)), images)
        _choice("Show", "standing", STANDINGS, images.status)
        _choice("Sort by", "order", ORDERS, view.order)
    _chips(images)


def page_size(view: View) -> None:
    """Draw the choice how many pictures a page has."""
    _choice("A page", "page_size", PAGES, view.page_size, label="collapsed")


def tile_size(view: View) -> None:
    """Draw the choice how large the pictures are."""
    st.segmented_control(
        "Tiles",
        list(TILE_SIZES),
        key=session.control("datasets-tile", view.tile),
        on_change=_choose,
        args=("tile", "datasets-tile"),
        required=True,
        label_visibility="collapsed",
    )


def _adder(name: str, field: str, options: list[str], images: ImageFilter) -> None:
    """Draw a field that adds a value to a filter."""
    chosen = getattr(images, field)
    key = session.control(f"datasets-add-{field}", None)
    left = [option for option in options if option not in chosen]
    st.selectbox(
        name,
        left,
        index=None,
        placeholder="Any" if not chosen else "Or…",
        format_func=lambda value: str(value) or f"no {name.lower()}",
        key=key,
        on_change=_add,
        args=(field, key),
        disabled=not left,
        width=WIDTH,
    )


def _choice(
    name: str,
    field: str,
    options: dict[Any, str],
    value: Any,
    label: Literal["visible", "collapsed"] = "visible",
) -> None:
    key = session.control(f"datasets-{field}", value)
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


def _chips(images: ImageFilter) -> None:
    """Draw a button for each value that narrows the view; a click takes it away."""
    chips = chips_of(images)
    if not chips:
        return
    with st.container(horizontal=True, gap="xsmall", key="datasets-chips"):
        for number, (text, left) in enumerate(chips):
            st.button(
                plain(text),
                key=f"datasets-chip-{number}",
                icon=":material/close:",
                icon_position="right",
                on_click=narrow,
                args=(left,),
            )
        if len(chips) > 1:
            st.button(
                "Clear all",
                key="datasets-clear",
                type="tertiary",
                on_click=narrow,
                args=(ImageFilter(),),
            )


def chips_of(images: ImageFilter) -> list[tuple[str, ImageFilter]]:
    """Return a text for each value that narrows the view, and the filter without it."""
    chips = []
    for field, name in (("labels", "Class"), ("splits", "Split"), ("tags", "Tag")):
        values: tuple[str, ...] = getattr(images, field)
        for value in values:
            left = tuple(other for other in values if other != value)
            text = f"{name}: {value or f'no {name.lower()}'}"
            chips.append((text, images.having(**{field: left})))
    if images.text:
        chips.append((f"Path: {images.text}", images.having(text="")))
    if images.side:
        low, high = images.side
        chips.append((f"Longest side: {low:,} to {high:,} px", images.having(side=None)))
    if images.aspect:
        shape = f"Width / height: {images.aspect[0]:.2f} to {images.aspect[1]:.2f}"
        chips.append((shape, images.having(aspect=None)))
    if images.status != ImageStatus.USABLE:
        text = f"Show: {STANDINGS[images.status].lower()}"
        chips.append((text, images.having(status=ImageStatus.USABLE)))
    return chips


def narrow(images: ImageFilter) -> None:
    """Show other images, from their first page on."""
    session.show_view(session.read_view().narrowed(images))


def _set_text() -> None:
    text = str(session.value_of("datasets-text")).strip()
    narrow(session.read_view().images.having(text=text))


def _add(field: str, key: str) -> None:
    value = session.value_of(key)
    if value is not None:
        images = session.read_view().images
        narrow(images.having(**{field: (*getattr(images, field), str(value))}))


def _choose(field: str, key: str) -> None:
    """Take over a choice; only the size of the tiles keeps the page."""
    view, value = session.read_view(), session.value_of(key)
    if field == "standing":
        narrow(view.images.having(status=value))
    else:
        page = view.page if field == "tile" else 1
        session.show_view(replace(view, page=page, **{field: value}))
