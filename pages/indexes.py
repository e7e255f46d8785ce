"""Indexes: embed the dataset with a model and make it searchable."""

from typing import Any

import pandas as pd
import streamlit as st

from core.artifacts import Manifest, delete_artifact
from core.config_docs import field_docs
from core.lineage import Lineage, read_lineage
from core.options import as_arguments
from core.vectors.config import IndexConfig, IndexKind
from pages.parts import guards, job_panel, tables
from pages.parts.launch import launch
from pages.parts.text import plain, size
from state import choices, resources, session

KINDS = {
    IndexKind.FLAT: ("Flat", "compares with every image: exact, right up to some 100,000 images."),
    IndexKind.HNSW: ("HNSW", "walks a graph of neighbours: quickest, and takes more memory."),
    IndexKind.IVF: ("IVF", "looks only into the nearest groups: quicker, and may miss a match."),
    IndexKind.IVF_PQ: ("IVF-PQ", "keeps some bytes of each image: for millions in little memory."),
    IndexKind.SQ8: ("SQ8", "keeps a byte a dimension: a fourth of the memory, nearly exact."),
    IndexKind.OPQ_IVF_PQ: ("OPQ+IVF-PQ", "turns the space before IVF-PQ; takes minutes to learn."),
    IndexKind.FACTORY: ("Factory", "builds what one of FAISS's own factory strings says."),
}
"""Kind → what it is called, and what it does."""

FIELDS: dict[IndexKind, dict[str, tuple[int, int, int]]] = {
    IndexKind.HNSW: {
        "links": (2, 256, 32),
        "ef_construction": (1, 4096, 200),
        "ef_search": (1, 4096, 64),
    },
    IndexKind.IVF: {"lists": (0, 65536, 0), "nprobe": (0, 65536, 0)},
}
FIELDS[IndexKind.IVF_PQ] = FIELDS[IndexKind.IVF] | {"code_bytes": (0, 1024, 0)}
FIELDS[IndexKind.OPQ_IVF_PQ] = FIELDS[IndexKind.IVF_PQ]
"""Kind → its numbers: least, most, default."""

DOCS = field_docs(IndexConfig)


def build_form(dataset: str, lineage: Lineage) -> None:
    """Draw the form that embeds the dataset and builds an index."""
    chosen = session.selection()
    ids = [model.id for model in lineage.models]
    at = ids.index(chosen.model) if chosen.model in ids else 0
    columns = st.columns(2)
    model = columns[0].selectbox("Model", ids, index=at, key=f"indexes-model-{chosen.model}")
    with columns[1]:
        kind = st.segmented_control(
            "Kind",
            list(IndexKind),
            default=IndexKind.FLAT,
            required=True,
            format_func=lambda kind: KINDS[kind][0],
            key="indexes-kind",
        )
    name, explanation = KINDS[IndexKind(kind)]
    st.markdown(f"**{name}** {explanation}")
    settings = parameters(IndexKind(kind))
    try:
        config = IndexConfig(kind=IndexKind(kind), **settings)
    except ValueError as error:
        st.caption(f"{plain(str(error))}.")
        return
    if st.button(
        "Embed and build", key="indexes-build", type="primary", icon=":material/play_arrow:"
    ):
        arguments = ["index", "--dataset", dataset, "--model", model, *as_arguments(config)]
        launch(arguments, f"Indexing {dataset} with {model}", about=dataset)
        st.rerun()


def parameters(kind: IndexKind) -> dict[str, Any]:
    """Draw what a kind of index has to choose."""
    fields = FIELDS.get(kind, {})
    grid = st.grid(3, min_column_width=200)
    settings: dict[str, Any] = {}
    for name, (low, high, default) in fields.items():
        with grid.cell():
            settings[name] = st.number_input(
                name, low, high, default, key=f"indexes-{kind}-{name}", help=DOCS[name]
            )
    if kind == IndexKind.FACTORY:
        settings["factory"] = st.text_input(
            "factory", "IVF64,SQ8", key="indexes-factory", help=DOCS["factory"]
        ).strip()
    return settings


def index_table(lineage: Lineage) -> None:
    """List the indexes, and offer to use, rebuild or delete the selected one."""
    current = session.selection().index
    table = pd.DataFrame(
        {
            "current": ["●" if index.id == current else "" for index in lineage.indexes],
            "index": [index.id for index in lineage.indexes],
            "stale": [lineage.stale_reason(index) for index in lineage.indexes],
            "kind": [index.config["kind"] for index in lineage.indexes],
            "dataset": [index.made_from["dataset"] for index in lineage.indexes],
            "model": [index.made_from["model"] for index in lineage.indexes],
            "images": [index.summary["count"] for index in lineage.indexes],
            "left out": [index.summary["num_problems"] for index in lineage.indexes],
            "on disk": [size(index.summary["size_bytes"]) for index in lineage.indexes],
            "made": [index.created for index in lineage.indexes],
        }
    )
    left_out = st.column_config.NumberColumn(help="Images that could not be decoded.")
    row = tables.pick(table, key="indexes-table", columns={"left out": left_out})
    if row is None:
        st.caption("Select a row to make that index the current one, to rebuild or to delete it.")
    else:
        actions(lineage.indexes[row], lineage)


def actions(index: Manifest, lineage: Lineage) -> None:
    """Offer what can be done with one index."""
    with st.container(horizontal=True):
        if st.button("Use this one", key="indexes-use", icon=":material/check:"):
            choices.choose_index(session.selection(), index.id, lineage)
            st.rerun()
        can_rebuild = lineage.stale_reason(index) and lineage.model(index.made_from["model"])
        if can_rebuild and st.button("Rebuild", key="indexes-rebuild", icon=":material/refresh:"):
            rebuild(index)
            st.rerun()
        with st.popover("Delete", icon=":material/delete:"):
            st.markdown("Its maps go stale with it; the embeddings stay.")
            if st.button(f"Delete {index.id}", key="indexes-delete", type="primary"):
                delete_artifact(resources.workspace().indexes, index.id)
                st.rerun()


def rebuild(index: Manifest) -> None:
    """Embed and index again, with the same model and settings."""
    dataset, model = index.made_from["dataset"], index.made_from["model"]
    config = IndexConfig(**index.config)
    arguments = ["index", "--dataset", dataset, "--model", model, *as_arguments(config)]
    launch(arguments, f"Indexing {dataset} with {model}", about=dataset)


chosen = session.enter_page()
st.title("Indexes")
lineage = read_lineage(resources.workspace())
if chosen.dataset is None:
    guards.stop_without("Datasets", "An index needs a dataset.")
if not lineage.models:
    guards.stop_without("Training", "An index needs a model to embed the images with.")

st.markdown(f"Make **{plain(chosen.dataset)}** searchable.")
build_form(chosen.dataset, lineage)
job_panel.show("index")

current = lineage.index(chosen.index)
if current is not None and (reason := lineage.stale_reason(current)):
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plain(current.id)}** is stale: {reason}.")
        if lineage.model(current.made_from["model"]) and st.button(
            "Rebuild it", key="indexes-rebuild-current", type="primary"
        ):
            rebuild(current)
            st.rerun()
if lineage.indexes:
    st.subheader("Indexes")
    index_table(lineage)
    if current is not None:
        guards.next_step("Query", "Next: query it")
