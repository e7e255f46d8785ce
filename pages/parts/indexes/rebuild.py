"""Rebuilding and updating an index that is stale, or with another effort."""

import streamlit as st

from core.artifacts.manifests import Manifest
from core.commands.indexes import UPDATE_INDEX
from core.commands.pipeline import REBUILD
from core.embeddings.config import embed_arguments
from core.indexes.config import IndexConfig
from core.indexes.store import Effort
from core.lineage.graph import DATASET_CHANGED, Lineage
from pages.parts.components.launch import launch
from pages.parts.components.text import plain
from pages.parts.indexes import build

REFRESH = ":material/refresh:"


def offer(index: Manifest, lineage: Lineage, key: str) -> None:
    """Draw why an index should be rebuilt, with the buttons for that."""
    reason, retrain = lineage.stale_reason(index), index.summary.get("retrain", "")
    if not reason and not retrain:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        why = f"is stale: {reason}" if reason else f"works, but rebuilding it would pay: {retrain}"
        st.markdown(f"**{plain(index.id)}** {plain(why)}.")
        buttons(index, lineage, key, primary=True)


def buttons(index: Manifest, lineage: Lineage, key: str, *, primary: bool = False) -> None:
    """Draw the buttons that update or rebuild an index."""
    reason = lineage.stale_reason(index)
    dataset, model = index.made_from["dataset"], index.made_from["model"]
    has_cause = reason or index.summary.get("retrain")
    if not has_cause or not lineage.model(model) or dataset not in lineage.datasets:
        return
    if reason == DATASET_CHANGED and st.button(
        "Update",
        key=f"indexes-update-{key}",
        type="primary" if primary else "secondary",
        icon=":material/update:",
        help="Embeds what is new or changed, adds it, and takes out what is gone.",
    ):
        launch(UPDATE_INDEX, ["--index", index.id], dataset=dataset)
    if reason and st.button(
        "Rebuild all",
        key=f"indexes-rebuild-all-{key}",
        icon=REFRESH,
        help="Makes model, embeddings, index, evaluation and map again, as far as they are stale.",
    ):
        launch(REBUILD, ["--index", index.id], dataset=dataset)
    if st.button(
        "Rebuild",
        key=f"indexes-rebuild-{key}",
        icon=REFRESH,
        help="Embeds what is new or changed, and builds the whole index again.",
    ):
        arguments = ["--dataset", dataset, "--model", model, *embed_arguments(index)]
        build.start(arguments, IndexConfig(**index.config), dataset, model)


def with_effort(index: Manifest, embeddings: Manifest, effort: Effort, value: int) -> None:
    """Draw the button that builds the index with another default effort, which queries use."""
    if st.button(f"Build it with {effort.name} {value}", key="indexes-effort-keep", icon=REFRESH):
        config = IndexConfig(**index.config).with_parameters({effort.parameter: value})
        dataset, model = index.made_from["dataset"], index.made_from["model"]
        build.start(["--embeddings", embeddings.id], config, dataset, model)
