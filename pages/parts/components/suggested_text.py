"""A text field with a suggestion that follows other fields until the user edits it."""

from typing import Any

import streamlit as st

from state import session


def draw(label: str, suggestion: str, *, key: str, **options: Any) -> str:
    """Draw the field and return its text.

    It is one element for all suggestions, so that it keeps the focus when they change.
    """
    earlier = f"{key}-suggested"
    if session.value_of(key) in (None, session.value_of(earlier)):
        session.set_widget(key, suggestion)
    session.remember(earlier, suggestion)
    return str(st.text_input(label, key=key, **options) or "").strip()
