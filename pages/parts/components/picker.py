"""Picker of an artifact that a job may select, too."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from state import session


def pick(
    label: str,
    options: Sequence[str],
    current: str | None,
    *,
    key: str,
    name: Callable[[str], str],
    choose: Callable[[str], None],
    **settings: Any,
) -> None:
    """Draw the choice of one of the options; `choose` is called with another one.

    After a job has changed the selection, a browser may still send the value that the picker of the
    run before was drawn with, and Streamlit takes it for a change: it is ignored. The selection is
    therefore part of the widget's key.

    Args:
        label: For screen readers; it is not visible.
        options: The ids.
        current: The selected id, or None.
        key: What the widget's key begins with.
        name: Returns the text of an option.
        choose: Selects an option.
        settings: Further arguments of `st.selectbox`.
    """
    whole_key = f"{key}-{current}"
    st.selectbox(
        label,
        options,
        index=options.index(current) if current in options else None,
        format_func=name,
        key=whole_key,
        on_change=_changed,
        args=(whole_key, current, choose),
        label_visibility="collapsed",
        required=True,
        **settings,
    )


def _changed(key: str, drawn_with: str | None, choose: Callable[[str], None]) -> None:
    value = session.value_of(key)
    if value is not None and value != drawn_with:
        choose(value)
