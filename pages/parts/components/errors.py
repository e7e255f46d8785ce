"""Errors of core as sentences on the page."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

from core.errors import WorkbenchError
from pages.parts.components.text import plain


@contextmanager
def shown(draw: Callable[[str], object] = st.error) -> Iterator[None]:
    """Draw an error of the block in place of the rest of the block."""
    try:
        yield
    except WorkbenchError as error:
        draw(plain(str(error)))
