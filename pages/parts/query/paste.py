"""Pasting into a file uploader from anywhere on its page. By itself it must have the focus."""

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
    """Let what is pasted on this page go to an uploader, and say in a line that it can be.

    A paste into a field that takes text is left to it, and so is all while a dialog is open. The
    files go the uploader's own way, with its limits.

    Args:
        uploader_key: Key of an `st.file_uploader` of this page, of letters, digits, - and _.
    """
    _MOUNT(key=f"{uploader_key}-paste", data={"uploader": uploader_key})
