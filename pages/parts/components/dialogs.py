"""What the details of an image have in common: steps to its neighbors in a list, and the image."""

import html
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath

import streamlit as st

from core.datasets.annotations.annotation import Box
from core.datasets.columns import ImageRow
from core.datasets.registry import Dataset
from pages.parts.components import image_boxes
from pages.parts.components.text import plain
from state import resources

MAX_ZOOM = 2
MAX_HEIGHT = 70
"""Largest height of an image in a dialog, in percent of the window's."""


def steps(place: int | None, count: int, open_at: Callable[[int], None], *, key: str) -> None:
    """Draw buttons to the previous and the next image, with arrow keys as shortcuts.

    Args:
        place: Place of the open image in the list, from 0; None if it is not in it.
        count: Number of images in the list.
        open_at: Opens the image at another place.
        key: What the widget keys begin with.
    """
    with st.container(horizontal=True, vertical_alignment="center"):
        for label, arrow, step in (("Previous", "Left", -1), ("Next", "Right", 1)):
            other = -1 if place is None else place + step
            st.button(
                label,
                key=f"{key}-{arrow.lower()}",
                shortcut=arrow,
                disabled=not 0 <= other < count,
                on_click=open_at,
                args=(other,),
            )
        if place is not None:
            st.caption(f"{place + 1:,} of {count:,}")


def picture(dataset: Dataset, row: ImageRow, side: int, boxes: Sequence[Box] = ()) -> None:
    """Draw an image with boxes over it, or why it cannot be drawn.

    It is read with a longest side of `side` pixels, and drawn at most twice as large as it is.
    """
    source, problem = resources.tile_source(dataset, row, side)
    if not source:
        st.error(plain(row.problem or problem))
        return
    width, height = max(row.width, 1), max(row.height, 1)
    alt = html.escape(f"{row.label or 'Unlabeled'}, {PurePosixPath(row.path).name}", quote=True)
    st.html(
        f'<div class="boxed" style="margin: 0 auto; aspect-ratio: {width} / {height}; '
        f'width: min(100%, {MAX_ZOOM * width}px, {MAX_HEIGHT * width / height:.1f}vh);">'
        f'<img src="{source}" alt="{alt}" style="display: block; width: 100%; height: 100%;">'
        f"{image_boxes.overlay(boxes)}</div>"
    )


def metadata(known: Mapping[str, str]) -> None:
    """Draw names and values, one a line."""
    st.markdown("  \n".join(f":gray[{name}] {plain(value)}" for name, value in known.items()))
