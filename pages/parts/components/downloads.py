"""Download buttons."""

import mimetypes
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import streamlit as st

from core.datasets.export.listing import Export
from core.errors import MissingError
from core.query.batch.listing import Batch
from core.workspace import Workspace
from pages.parts.components.text import plain, size
from state import resources

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
    label: str, read: Callable[[], str | bytes], file_name: str, *, key: str, **options: Any
) -> None:
    """Draw a button that downloads what `read` returns when it is clicked.

    The ending of the file name gives the media type; `options` are those of `st.download_button`.
    """
    st.download_button(
        label,
        read,
        file_name=file_name,
        mime=mimetypes.guess_type(file_name)[0],
        on_click="ignore",
        key=key,
        **({"icon": ":material/download:"} | options),
    )


def row(
    written: Export | Batch,
    facts: str,
    file_name: str | None,
    *,
    key: str,
    delete: Callable[[Workspace, str], None],
    help: str,
) -> bool:
    """Draw an earlier export with a download and a delete button.

    Returns:
        Whether it can be downloaded: it has a file name, is no folder, and is not too large.
    """
    is_offered = file_name is not None and written.size_bytes <= MAX_DOWNLOADED_BYTES
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.container(gap=None):
            st.markdown(f"**{plain(written.id)}**")
            st.caption(facts)
        if is_offered:
            read, name = written.path.read_bytes, str(file_name)
            button("Download", read, name, key=f"{key}-download-{written.id}")
        st.button(
            "Delete",
            key=f"{key}-delete-{written.id}",
            icon=":material/delete:",
            help=help,
            on_click=_delete,
            args=(delete, written.id),
        )
    return is_offered


def older(count: int, folder: Path) -> None:
    """Show where the exports are that are not listed."""
    if count > 0:
        st.caption(f"{count:,} older ones are in")
        place(folder)


def place(path: Path) -> None:
    """Show the path of a file that is too large to download."""
    st.code(str(path), language=None, wrap_lines=True)


def _delete(delete: Callable[[Workspace, str], None], name: str) -> None:
    with suppress(MissingError):  # Somebody else deleted it meanwhile
        delete(resources.workspace(), name)
