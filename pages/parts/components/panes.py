"""Two panes: controls on the left, content on the right; stacked where the page is narrow."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


def beside(key: str, *, content_first: bool = False) -> tuple[DeltaGenerator, DeltaGenerator]:
    """Return the pane of the controls and that of the content; `key` is unique on the page.

    With `content_first` the controls are on the right.
    """
    row = st.container(horizontal=True, gap="large", key=f"panes-{key}")
    names = ("content", "controls") if content_first else ("controls", "content")
    panes = {name: row.container(key=f"{name}-{key}") for name in names}
    return panes["controls"], panes["content"]
