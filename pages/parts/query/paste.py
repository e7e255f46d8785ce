"""Paste into a file uploader from anywhere on its page; the uploader alone needs the focus."""

from pathlib import Path

import streamlit as st

ASSETS = Path(__file__).parent

_MOUNT = st.components.v2.component(
    "workbench_paste",
    html='<p role="status"></p>',
    css=(ASSETS / "paste.css").read_text(encoding="utf-8"),
    js=(ASSETS / "paste.js").read_text(encoding="utf-8"),
)


def into(uploader_key: str) -> None:
    """Send files that are pasted on this page to an uploader, and show a line that says so.

    Pastes into text fields and while a dialog is open are left alone. The uploader's own limits
    apply.

    Args:
        uploader_key: Key of an `st.file_uploader` of this page, of letters, digits, - and _.
    """
    _MOUNT(key=f"{uploader_key}-paste", data={"uploader": uploader_key})
