"""Chips of an image filter: a button for each of its parts that removes this part."""

from collections.abc import Callable

import streamlit as st

from core.datasets.columns import ImageFilter
from core.datasets.filters import parts_of
from pages.parts.components.text import plain


def show(
    images: ImageFilter, *, page: str, change: Callable[[ImageFilter], None], before: str = ""
) -> None:
    """Draw the chips; `change` is called with the filter without the part that was removed.

    `before` is Markdown in front of the chips.
    """
    parts = parts_of(images)
    if not parts:
        return
    with st.container(
        horizontal=True, vertical_alignment="center", gap="xsmall", key=f"{page}-chips"
    ):
        if before:
            st.markdown(before, width="content")
        for number, (text, left) in enumerate(parts):
            st.button(
                plain(text),
                key=f"{page}-chip-{number}",
                icon=":material/close:",
                icon_position="right",
                on_click=change,
                args=(left,),
            )
        if len(parts) > 1:
            st.button(
                "Clear all",
                key=f"{page}-clear",
                type="tertiary",
                on_click=change,
                args=(ImageFilter(),),
            )
