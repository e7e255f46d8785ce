"""Widgets for the fields of a config, with the bounds, defaults and help of its declaration."""

from typing import Any, TypeVar

import streamlit as st

from core.options import bounds_of, default_of, field_docs
from pages.parts.components.text import plain

C = TypeVar("C")


def number(
    config_class: type, name: str, label: str, *, key: str, place: Any = st, **options: Any
) -> Any:
    """Draw a number input in a place of the page; `options` replace those of the field."""
    low, high = bounds_of(config_class, name)
    field = {
        "min_value": low,
        "max_value": high,
        "value": default_of(config_class, name),
        "help": field_docs(config_class)[name],
    }
    return place.number_input(label, key=key, **(field | options))


def build(config_class: type[C], **values: Any) -> C | None:
    """Return a config of these values; None, with an error on the page, if they are invalid."""
    try:
        return config_class(**values)
    except ValueError as error:
        st.error(f"{plain(str(error))}.")
        return None
