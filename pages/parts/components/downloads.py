"""Handing a file on the server to the person in front of the browser."""

from pathlib import Path

import streamlit as st

from pages.parts.components.text import plain, size

MAX_DOWNLOADED_BYTES = 200_000_000
"""A file on its way to the browser is held in memory; a larger one is taken from its place."""


def offer(path: Path, key: str) -> None:
    """Say how large a file is, and let people have it in the way that suits its size."""
    num_bytes = path.stat().st_size
    st.caption(f"{plain(path.name)}, {size(num_bytes)}")
    if num_bytes <= MAX_DOWNLOADED_BYTES:
        button(path, path.name, key)
    else:
        place(path)


def button(path: Path, file_name: str, key: str) -> None:
    """Draw the button that downloads a file, read when it is clicked."""
    st.download_button(
        "Download",
        path.read_bytes,
        file_name=file_name,
        on_click="ignore",
        icon=":material/download:",
        key=key,
    )


def place(path: Path) -> None:
    """Show where a file lies, for those that are too large to download."""
    st.code(str(path), language=None, wrap_lines=True)
