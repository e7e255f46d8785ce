"""Guards of pages: what is missing, and the button to the page that makes it."""

from typing import Literal, NoReturn

import streamlit as st

from core.artifacts.manifests import Manifest
from core.lineage.graph import Lineage
from pages.parts.components import empty, navigation
from pages.parts.components.text import plain
from state.session import Selection

LABELS = {
    "Datasets": "Import images",
    "Training": "Train a model",
    "Indexes": "Build an index",
}


def stop_without(page: str, sentence: str) -> NoReturn:
    """Draw what is missing and a button to the page that makes it, and end the page's run."""
    icon = navigation.icon_of(page)
    if empty.button(icon, sentence, LABELS[page], key=f"go-to-{page.lower()}"):
        navigation.go(page)
    st.stop()


def require_index(chosen: Selection, lineage: Lineage, what: str) -> Manifest:
    """Return the current index, or draw what is missing for `what` and end the run."""
    if chosen.dataset is None:
        stop_without("Datasets", f"{what} needs a dataset.")
    if not lineage.models:
        stop_without("Training", f"{what} needs a model.")
    index = lineage.index(chosen.index)
    if index is None:
        with_model = " with this model" if lineage.indexes_of(dataset=chosen.dataset) else ""
        stop_without("Indexes", f"{plain(chosen.dataset)} is not indexed{with_model} yet.")
    return index


def require_images(index: Manifest, what: str, minimum: int) -> None:
    """Tell what needs more images than the index holds, and end the run, if it does."""
    if index.summary["count"] < minimum:
        stop_without(
            "Datasets",
            f"{what} needs at least {minimum} images; {plain(index.id)} holds "
            f"{index.summary['count']}.",
        )


def next_step(page: str, label: str, *, primary: bool = True) -> None:
    """Draw the button to the next page of the workflow."""
    kind: Literal["primary", "secondary"] = "primary" if primary else "secondary"
    if st.button(label, key=f"next-{page.lower()}", type=kind, icon=":material/arrow_forward:"):
        navigation.go(page)
