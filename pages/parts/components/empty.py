"""Empty states of all pages: an icon, one sentence, and at most one action."""

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

DONE = "check_circle"
"""Icon where nothing is left to do."""

NO_MATCH = "filter_alt_off"
"""Icon where filters hide everything."""


def state(icon: str, sentence: str, *, key: str) -> DeltaGenerator:
    """Draw a box with an icon and a sentence; return the place of its action, below them.

    Args:
        icon: Name of a Material icon.
        sentence: What is missing, or what will appear here, in Markdown.
        key: Unique on the page.
    """
    box = st.container(border=True, horizontal_alignment="center", gap="small", key=f"empty-{key}")
    box.markdown(f":material/{icon}:", width="content")
    box.markdown(sentence, width="content", text_alignment="center")
    return box.container(horizontal_alignment="center", gap="small", key=f"action-{key}")


def button(
    icon: str,
    sentence: str,
    label: str,
    *,
    key: str,
    on_click: Callable[[], None] | None = None,
) -> bool:
    """Draw an empty state with a button; return whether that was pressed."""
    place = state(icon, sentence, key=key)
    return place.button(label, key=key, type="primary", on_click=on_click)
