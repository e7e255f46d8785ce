"""Guards of pages: what is missing, and the button to the page that makes it."""

from typing import Literal, NoReturn

import streamlit as st

from core.artifacts.manifests import Manifest
from core.lineage.graph import Lineage
from pages.parts.components import navigation
from pages.parts.components.text import plain
from state.session import Selection

LABELS = {
    "Datasets": "Bring in a dataset",
    "Training": "Train a model",
    "Indexes": "Build an index",
}


def stop_without(page: str, sentence: str) -> NoReturn:
    """Draw what is missing and a button to the page that makes it, and end the page's run."""
    with st.container(border=True):
        st.markdown(f"#### {sentence}")
        icon = navigation.PATHS[page][1]
        if st.button(LABELS[page], key=f"go-to-{page.lower()}", type="primary", icon=icon):
            navigation.go(page)
    st.stop()


def require_index(chosen: Selection, lineage: Lineage, what: str) -> Manifest:
    """Return the current index, or draw what is missing for `what` and end the run."""
    if chosen.dataset is None:
        stop_without("Datasets", f"{what} needs a dataset.")
    if not lineage.models:
        stop_without("Training", f"{what} needs a model to embed the images with.")
    index = lineage.index(chosen.index)
    if index is None:
        with_model = " with this model" if lineage.indexes_of(dataset=chosen.dataset) else ""
        stop_without("Indexes", f"{plain(chosen.dataset)} is not indexed{with_model} yet.")
    return index


def require_images(index: Manifest, what: str, minimum: int) -> None:
    """Tell what needs more images than the index holds, and end the run, if it does."""
    if index.summary["count"] < minimum:
        st.info(
            f"{what} needs at least {minimum} images, and {plain(index.id)} holds "
            f"{index.summary['count']}. Choose another index, or add images to the dataset."
        )
        st.stop()


def next_step(page: str, label: str, *, primary: bool = True) -> None:
    """Draw the button to the next page of the workflow."""
    kind: Literal["primary", "secondary"] = "primary" if primary else "secondary"
    if st.button(label, key=f"next-{page.lower()}", type=kind, icon=":material/arrow_forward:"):
        navigation.go(page)
