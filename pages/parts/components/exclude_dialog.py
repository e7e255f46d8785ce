"""Dialog that shows the images of a bulk exclusion before they are excluded."""

from collections.abc import Collection

import streamlit as st

from core.datasets import curation
from core.datasets.registry import Dataset
from pages.parts.components import curation_form
from pages.parts.components.gallery import gallery
from pages.parts.components.text import counted
from pages.parts.components.tiles import tiles_of
from state import session

PAGE_SIZE = 24
TILE_PX = 96
ASKED = "exclude-asked"


def ask(dataset: Dataset, ids: Collection[int]) -> None:
    """Open the dialog at the next run."""
    session.remember(ASKED, (dataset.name, sorted(ids)))


def show(dataset: Dataset) -> None:
    """Draw the dialog if images of the dataset are to be confirmed."""
    name, ids = session.value_of(ASKED) or ("", [])
    if name == dataset.name and ids:
        _dialog(dataset, ids)


def _close() -> None:
    session.remember(ASKED, None)


@st.dialog("Exclude images", width="large", on_dismiss=_close)
def _dialog(dataset: Dataset, ids: list[int]) -> None:
    num_pages = -(-len(ids) // PAGE_SIZE)
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            f"Exclude {counted(len(ids), 'image')}",
            key="exclude-confirm",
            type="primary",
            icon=":material/block:",
        ):
            _close()
            curation_form.say(curation.exclude(dataset.catalog, ids))
            st.rerun()
        if st.button("Cancel", key="exclude-cancel"):
            _close()
            st.rerun()
        st.space("stretch")
        page = st.pagination(num_pages, key="exclude-page") if num_pages > 1 else 1
    here = ids[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    rows = dataset.catalog.rows_by_id(here)
    tiles = tiles_of(dataset, [rows[image_id] for image_id in here if image_id in rows])
    gallery(tiles, key="exclude-images", tile_px=TILE_PX, label="Images to exclude")
