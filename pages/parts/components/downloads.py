"""Download buttons."""

import mimetypes
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import streamlit as st

from pages.parts.components.text import plain, size

MAX_DOWNLOADED_BYTES = 200_000_000
"""Largest download: a file is held in memory while it is sent. Larger ones are copied from disk."""


def offer(path: Path, key: str) -> None:
    """Show the size of a file, and its download button, or its path if it is too large."""
    num_bytes = path.stat().st_size
    st.caption(f"{plain(path.name)}, {size(num_bytes)}")
    if num_bytes <= MAX_DOWNLOADED_BYTES:
        button("Download", path.read_bytes, path.name, key=key)
    else:
        place(path)


def button(
    label: str,
    read: Callable[[], str | bytes],
    file_name: str,
    *,
    key: str,
    type: Literal["primary", "secondary", "tertiary"] = "secondary",
    help: str | None = None,
) -> None:
    """Draw a button that downloads a file.

    Args:
        label: Text of the button.
        read: Returns the content; called when the button is clicked.
        file_name: Name of the file; its ending gives the media type.
        key: Widget key.
        type: Style of the button.
        help: Tooltip.
    """
    st.download_button(
        label,
        read,
        file_name=file_name,
        mime=mimetypes.guess_type(file_name)[0],
        on_click="ignore",
        icon=":material/download:",
        key=key,
        type=type,
        help=help,
    )


def place(path: Path) -> None:
    """Show the path of a file that is too large to download."""
    st.code(str(path), language=None, wrap_lines=True)
