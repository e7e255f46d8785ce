"""What a page says when something it needs is not there yet, with the way to get it."""

from typing import NoReturn

import streamlit as st

PAGES = {
    "datasets": ("pages/datasets.py", "Bring in a dataset", ":material/photo_library:"),
    "training": ("pages/training.py", "Train a model", ":material/model_training:"),
    "indexes": ("pages/indexes.py", "Build an index", ":material/hub:"),
}


def stop_without(what: str, sentence: str) -> NoReturn:
    """Say what is missing, give a button to the page that makes it, and end the page's run."""
    path, label, icon = PAGES[what]
    with st.container(border=True):
        st.markdown(f"#### {sentence}")
        if st.button(label, key=f"go-to-{what}", type="primary", icon=icon):
            st.switch_page(path)
    st.stop()


def next_step(page: str, label: str) -> None:
    """Draw the button that leads on to the next page of the journey."""
    if st.button(label, key=f"next-{page}", type="primary", icon=":material/arrow_forward:"):
        st.switch_page(f"pages/{page}.py")
