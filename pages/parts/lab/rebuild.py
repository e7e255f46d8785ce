"""Making an index again: because it is stale, or to search further by default."""

from dataclasses import replace

import streamlit as st

from core.artifacts import Manifest
from core.lineage import Lineage
from core.vectors.config import IndexConfig
from pages.parts.lab import build
from pages.parts.text import plain

REFRESH = ":material/refresh:"


def offer(index: Manifest, lineage: Lineage, key: str) -> None:
    """Say that an index is stale and offer to make just what is stale again."""
    reason = lineage.stale_reason(index)
    if not reason:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plain(index.id)}** is stale: {reason}.")
        button(index, lineage, key, primary=True)


def button(index: Manifest, lineage: Lineage, key: str, *, primary: bool = False) -> None:
    """Draw the button that embeds what is new or changed and builds the index again."""
    if not lineage.stale_reason(index) or not lineage.model(index.made_from["model"]):
        return
    if st.button(
        "Rebuild",
        key=f"indexes-rebuild-{key}",
        type="primary" if primary else "secondary",
        icon=REFRESH,
    ):
        dataset, model = index.made_from["dataset"], index.made_from["model"]
        arguments = ["--dataset", dataset, "--model", model]
        build.start(arguments, IndexConfig(**index.config), dataset, model)
        st.rerun()


def with_effort(index: Manifest, embeddings: Manifest, name: str, effort: int) -> None:
    """Offer to build the index with another effort, for queries are asked at what it was built."""
    if st.button(f"Build it with {name} {effort}", key="indexes-effort-keep", icon=REFRESH):
        config = IndexConfig(**index.config)
        if name == "nprobe":
            config = replace(config, nprobe=effort)
        else:
            config = replace(config, ef_search=effort)
        dataset, model = index.made_from["dataset"], index.made_from["model"]
        build.start(["--embeddings", embeddings.id], config, dataset, model)
        st.rerun(scope="app")
