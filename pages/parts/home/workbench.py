"""Home of a filled workspace: search, images, the best model, runs, and disk use."""

from dataclasses import replace

import streamlit as st

from core.artifacts.manifests import Manifest
from core.commands.pipeline import QUICKSTART, REBUILD
from core.datasets.registry import Dataset, open_dataset
from core.lineage.graph import Lineage, read_lineage
from pages.parts.components import jobs_menu, navigation
from pages.parts.components.gallery import gallery
from pages.parts.components.launch import launch
from pages.parts.components.text import size
from pages.parts.components.tiles import tiles_of
from pages.parts.home import figures, search
from state import home, resources, session
from state.session import Selection

NUM_IMAGES, TILE_PX = 36, 112


def show(chosen: Selection, lineage: Lineage, actions: "st.delta_generator.DeltaGenerator") -> None:
    """Draw the page for the current dataset; `actions` is the place beside the title."""
    dataset = open_dataset(resources.workspace(), chosen.dataset or "")
    index = lineage.index(chosen.index)
    if index is not None:
        with actions:
            _stale(index, lineage)
    side, images = st.columns([1, 2.6], gap="medium")
    with side:
        with st.container(key="home-search", gap="xsmall"):
            if index is not None:
                search.show(dataset)
            elif not _wait_for_index(dataset):
                search.offer(dataset, lineage)
        figures.show(dataset, lineage)
        figures.runs(dataset)
    with images:
        _mosaic(dataset, index)
    _disk()


def _mosaic(dataset: Dataset, index: Manifest | None) -> None:
    """Draw some images; one that is opened is searched by, or shown if there is no index."""
    ids = home.some_images(dataset.catalog, NUM_IMAGES)
    rows = dataset.catalog.rows_by_id(ids)
    tiles = tiles_of(dataset, [rows[each] for each in ids if each in rows])
    tiles = [replace(tile, caption="") for tile in tiles]
    opened = gallery(tiles, key="home-images", tile_px=TILE_PX, label=f"Images of {dataset.name}")
    if opened is None:
        return
    if index is not None:
        navigation.query_by(opened)
    session.selection().open_image = (opened, None)
    navigation.go("Datasets")


def _wait_for_index(dataset: Dataset) -> bool:
    """Draw the progress of a quick start; draw the page again once it has built the index."""
    view = jobs_menu.running(QUICKSTART)
    if view is None or view.record.dataset != dataset.name:
        return False

    @st.fragment(run_every=jobs_menu.FAST_S)
    def follow() -> None:
        if read_lineage(resources.workspace()).indexes_of(dataset=dataset.name):
            st.rerun()

    follow()
    return jobs_menu.wait_for(QUICKSTART)


def _stale(index: Manifest, lineage: Lineage) -> None:
    """Draw what is stale around the index, and the button that rebuilds all of it."""
    kinds = home.stale_kinds(index, lineage)
    if not kinds or jobs_menu.is_active(REBUILD):
        return
    st.markdown(f":orange-badge[Stale: {', '.join(kinds)}]", width="content")
    if not home.can_rebuild(index, lineage):
        if st.button("Open Indexes", key="home-stale", icon=navigation.PATHS["Indexes"][1]):
            navigation.go("Indexes")
    elif st.button(
        "Rebuild",
        key="home-rebuild",
        icon=":material/refresh:",
        help="Rebuilds model, embeddings, index, evaluation and map as far as they are stale.",
    ):
        launch(REBUILD, ["--index", index.id], dataset=index.made_from["dataset"])


def _disk() -> None:
    """Draw the disk use of the workspace; last, because it is measured once a minute."""
    use = resources.disk_use()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"Workspace {size(use.total)} · {size(use.free)} free", width="content")
        with st.popover("Disk use", type="tertiary", icon=":material/hard_drive:"):
            table = {"content": list(use.by_kind), "size": [size(n) for n in use.by_kind.values()]}
            st.dataframe(table, hide_index=True)
