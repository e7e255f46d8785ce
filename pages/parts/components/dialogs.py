"""What the dialogs of an image have in common: steps to its neighbors in a list, and the image."""

from collections.abc import Callable, Mapping

import streamlit as st

from core.datasets.columns import ImageRow
from core.datasets.registry import Dataset
from pages.parts.components.text import plain
from state import resources


def steps(
    place: int | None, count: int, open_at: Callable[[int], None], *, key: str, what: str = ""
) -> None:
    """Draw buttons to the previous and the next image, with arrow keys as shortcuts.

    Args:
        place: Place of the open image in the list, from 0; None if it is not in it.
        count: Number of images in the list.
        open_at: Opens the image at another place.
        key: What the widget keys begin with.
        what: What the caption calls an image.
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
            st.caption(f"{what}{place + 1:,} of {count:,}")


def picture(dataset: Dataset, row: ImageRow, side: int) -> None:
    """Draw an image with a longest side of `side` pixels, or why it cannot be drawn."""
    source, problem = resources.tile_source(dataset, row, side)
    if source:
        st.image(source, width="stretch")
    else:
        st.error(plain(row.problem or problem))


def metadata(known: Mapping[str, str]) -> None:
    """Draw names and values, one a line."""
    st.markdown("  \n".join(f":gray[{name}] {plain(value)}" for name, value in known.items()))
