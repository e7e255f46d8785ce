"""The CSS of all pages: one sheet, which `serve.py` sends with the first byte of a page."""

import streamlit as st

from core.workspace import PROJECT

PARTS = PROJECT / "pages/parts"
FILES = (
    *("components/frame.css", "components/navigation.css", "components/waiting.css"),
    *("components/panes.css", "components/empty.css", "components/image_boxes.css"),
    *("home/home.css", "datasets/datasets.css", "training/training.css", "indexes/indexes.css"),
    *("query/query.css", "explore/explore.css", "evaluate/evaluate.css"),
    "data_quality/data_quality.css",
)
"""Those of components are not among them: Streamlit adds them to the component's shadow root."""

SHEET = "".join((PARTS / file).read_text(encoding="utf-8") for file in FILES)


def add(*styles: str) -> None:
    """Add CSS to the page; called in each run that draws what it styles.

    As Markdown, whose script the browser loads before that of `st.html`, and in the sidebar, where
    its empty line is last.
    """
    st.sidebar.markdown(f"<style>{''.join(styles)}</style>", unsafe_allow_html=True)
