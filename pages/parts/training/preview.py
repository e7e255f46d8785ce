"""Preview of augmented images before a training."""

from collections.abc import Callable

import streamlit as st

from core.datasets.registry import Dataset
from pages.parts.components.gallery import Tile, gallery
from state import resources, session

SEED = "training-preview-seed"


def for_dataset(dataset: Dataset) -> Callable[[str, int], None]:
    """Return a function that draws a preview of the dataset's images."""
    return lambda augment, side: show(dataset, augment, side)


def show(dataset: Dataset, augment: str, side: int) -> None:
    """Draw 16 augmented train images."""
    if augment == "off":
        st.caption("Every epoch sees the train images as they are.")
        return
    if not st.toggle("Show 16 augmented images", key="training-preview"):
        return
    seed = int(session.value_of(SEED) or 0)
    sources = resources.augmented_images(dataset, augment, side, seed)
    gallery(
        [Tile(id=number, src=source) for number, source in enumerate(sources)],
        key="training-preview-images",
        tile_px=96,
        label="Augmented train images",
    )
    st.button(
        "Show others",
        key="training-preview-others",
        icon=":material/casino:",
        on_click=session.remember,
        args=(SEED, seed + 1),
    )
