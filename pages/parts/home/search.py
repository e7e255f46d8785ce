"""Search from the Home page: an image that is dropped, or a random one."""

import hashlib
import time
from io import BytesIO

import streamlit as st

from core.datasets.registry import Dataset
from core.images.formats import EXTENSIONS
from core.images.isolation import check_image
from core.lineage.graph import Lineage
from core.query.query import MAX_IMAGE_MB, QueryImage
from pages.parts.components import errors, guards, navigation, quickstart
from pages.parts.components.text import plain
from state import queries, session
from state.history import Upload

TIMES = "home-uploads"
"""State key: number of uploads in this tab. Each has a new widget, because a session keeps what
was uploaded."""


def show(dataset: Dataset) -> None:
    """Draw the drop zone; an image leads to the Query page."""
    times = session.value_of(TIMES) or 0
    file = st.file_uploader(
        "Drop an image to search",
        type=list(EXTENSIONS),
        max_upload_size=MAX_IMAGE_MB,
        key=f"home-search-{times}",
    )
    if st.button("Random image", key="home-random", icon=":material/shuffle:", type="tertiary"):
        image_id = queries.random_image(dataset, seed=time.time_ns())
        if image_id is not None:
            navigation.query_by(image_id)
    if file is None:
        return
    with errors.shown():
        content = file.getvalue()
        check_image(BytesIO(content), name=file.name)
        digest = hashlib.sha256(content).hexdigest()
        chosen = session.selection()
        chosen.uploads.keep(digest, Upload(file.name, content))
        session.remember(TIMES, times + 1)
        session.set_query(chosen.query.with_only([QueryImage(digest=digest)]))
        navigation.go("Query")


def offer(dataset: Dataset, lineage: Lineage) -> None:
    """Draw the next step of a dataset without an index."""
    with st.container(border=True, key="home-offer"):
        st.markdown(f"{plain(dataset.name)} is not searchable yet.")
        with st.container(horizontal=True):
            is_offered = quickstart.offer(dataset.name, lineage, "home")
            if lineage.models:
                guards.next_step("Indexes", "Build index", primary=not is_offered)
