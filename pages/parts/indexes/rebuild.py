"""Rebuilding and updating an index that is stale, or with another effort."""

import streamlit as st

from core.artifacts.manifests import Manifest
from core.commands.indexes import UPDATE_INDEX
from core.commands.pipeline import REBUILD
from core.embeddings.config import embed_arguments
from core.indexes.config import IndexConfig
from core.indexes.info import rebuild_reason
from core.indexes.store import Effort
from core.lineage.graph import DATASET_CHANGED, Lineage
from pages.parts.components import jobs_menu
from pages.parts.components.launch import launch
from pages.parts.components.text import plain
from pages.parts.indexes import build
from state import home

REFRESH = ":material/refresh:"


def offer(index: Manifest, lineage: Lineage) -> None:
    """Draw why the current index should be rebuilt, and one button that does; others in a menu."""
    reason, advice = lineage.stale_reason(index), rebuild_reason(index)
    if (not reason and not advice) or jobs_menu.is_active(REBUILD, UPDATE_INDEX):
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="stale"):
        kind = "Stale" if reason else "Rebuild recommended"
        st.markdown(f":orange-badge[{kind}] {plain(reason or advice)}", width="content")
        if not reason or not home.can_rebuild(index, lineage):
            buttons(index, lineage, "current")
            return
        if st.button(
            "Rebuild",
            key="indexes-rebuild-all-current",
            type="primary",
            icon=REFRESH,
            help="Rebuilds everything stale: model, embeddings, index, evaluation and map.",
        ):
            launch(REBUILD, ["--index", index.id], dataset=index.made_from["dataset"])
        with st.popover("More", key="indexes-rebuild-more"):
            buttons(index, lineage, "current")


def buttons(index: Manifest, lineage: Lineage, key: str) -> None:
    """Draw the buttons that update or rebuild an index, without its model."""
    reason = lineage.stale_reason(index)
    dataset, model = index.made_from["dataset"], index.made_from["model"]
    has_cause = reason or rebuild_reason(index)
    if not has_cause or not lineage.model(model) or dataset not in lineage.datasets:
        return
    if reason == DATASET_CHANGED and st.button(
        "Update index",
        key=f"indexes-update-{key}",
        icon=":material/update:",
        help="Embeds and adds new and changed images, removes deleted ones.",
    ):
        launch(UPDATE_INDEX, ["--index", index.id], dataset=dataset)
    if st.button(
        "Rebuild index",
        key=f"indexes-rebuild-{key}",
        icon=REFRESH,
        help="Embeds new and changed images and builds the index again.",
    ):
        arguments = ["--dataset", dataset, "--model", model, *embed_arguments(index)]
        build.start(arguments, IndexConfig(**index.config), dataset, model)


def with_effort(index: Manifest, embeddings: Manifest, effort: Effort, value: int) -> None:
    """Draw the button that builds the index with another default effort, which queries use."""
    if st.button(
        f"Rebuild with {effort.name} {value}",
        key="indexes-effort-keep",
        icon=REFRESH,
        disabled=value == effort.value,
        help="Builds the index with this default, which queries use.",
    ):
        config = IndexConfig(**index.config).with_parameters({effort.parameter: value})
        dataset, model = index.made_from["dataset"], index.made_from["model"]
        build.start(["--embeddings", embeddings.id], config, dataset, model)
