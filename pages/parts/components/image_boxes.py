"""Boxes of an image: drawn over it, and as crops to search by."""

import html
from collections.abc import Callable, Sequence

import streamlit as st

from core.datasets.annotations.annotation import Box
from core.datasets.annotations.geometry import searchable_crops
from core.datasets.columns import ImageRow
from core.datasets.registry import Dataset
from core.query.query import ImageSource
from pages.parts.components import errors, navigation
from pages.parts.components.gallery import Tile, gallery
from state.query_images import thumbnail_uri

MAX_NAMED = 12
"""With more boxes their classes are shown under the pointer only."""

MAX_TILES = 12
TILE_PX, TILE_SIDE = 72, 160
COLORS = 8
"""Number of colors in image_boxes.css; classes take them in turn."""


def overlay(boxes: Sequence[Box]) -> str:
    """Return boxes as HTML over an image that fills an element of class `boxed`."""
    colors = {label: number % COLORS for number, label in enumerate(_labels(boxes))}
    crowded = " crowded" if len(boxes) > MAX_NAMED else ""
    return "".join(
        f'<div class="box color{colors[box.label]}{crowded}" style="left: {100 * box.left:.3f}%; '
        f"top: {100 * box.top:.3f}%; width: {100 * box.width:.3f}%; "
        f'height: {100 * box.height:.3f}%;"><span>{html.escape(box.label)}</span></div>'
        for box in sorted(boxes, key=lambda box: -box.width * box.height)  # Small ones on top
    )


def shown(boxes: Sequence[Box], *, key: str) -> Sequence[Box]:
    """Draw a toggle if an image has boxes, and return those to draw."""
    if not boxes:
        return ()
    return boxes if st.toggle(f"Boxes ({len(boxes):,})", value=True, key=key) else ()


def tiles(
    dataset: Dataset, row: ImageRow, boxes: Sequence[Box], *, key: str, before: Callable[[], None]
) -> None:
    """Draw the boxes of an image as crops, largest first; a click searches by one.

    Args:
        dataset: The dataset of the image.
        row: The image.
        boxes: Its boxes.
        key: Widget key.
        before: Called before the page is switched.
    """
    if row.problem is not None or not boxes:
        return
    crops = searchable_crops(boxes, row.width, row.height)
    largest = sorted(crops, key=lambda place: -boxes[place].width * boxes[place].height)
    source = ImageSource(row.path, dataset.path_of(row), f"{row.id}-{row.sha256}", row.label)
    with errors.shown(st.caption):
        drawn = [
            Tile(
                id=place,
                src=thumbnail_uri(source, crops[place], TILE_SIDE),
                title=boxes[place].label,
            )
            for place in largest[:MAX_TILES]
        ]
        if not drawn:
            st.caption("The boxes are too small to search by.")
            return
        st.markdown("**Search by a box**", help="Select a box to find images similar to it.")
        clicked = gallery(drawn, key=key, tile_px=TILE_PX, label="Boxes")
        if len(drawn) < len(boxes):
            st.caption(f"{len(drawn):,} of {len(boxes):,} boxes, the largest ones")
        if clicked is not None:
            before()
            navigation.query_by(row.id, crop=crops[clicked])


def _labels(boxes: Sequence[Box]) -> list[str]:
    """Return the classes of boxes, in the order in which they first occur."""
    return list(dict.fromkeys(box.label for box in boxes))
