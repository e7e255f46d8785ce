"""Form of an index: store, kind and parameters."""

from typing import Any

import streamlit as st

from core.indexes.config import IndexConfig, Metric, StoreName, kinds_in
from core.indexes.kinds import KINDS, PARAMETER_LABELS
from core.indexes.milvus.address import milvus_address
from core.options import default_of, field_docs
from pages.parts.components import config_fields, errors
from pages.parts.components.text import plain

STORES = {StoreName.FAISS: "FAISS", StoreName.MILVUS: "Milvus server"}
METRICS = {Metric.COSINE: "cosine", Metric.INNER_PRODUCT: "inner product", Metric.L2: "L2"}
DOCS = field_docs(IndexConfig)


def choose(key: str) -> IndexConfig | None:
    """Draw the form, and return the index that was chosen; None while it is invalid."""
    store = _store(key)
    kind = str(
        st.pills(
            "Kind",
            kinds_in(store),
            default=default_of(IndexConfig, "kind"),
            required=True,
            format_func=lambda name: KINDS[name].label,
            key=f"{key}-kind",
        )
    )
    st.caption(KINDS[kind].explanation)
    settings: dict[str, Any] = {}
    grid = st.grid(2, min_column_width=130)
    for name in KINDS[kind].parameters:
        label = PARAMETER_LABELS[name]
        if name == "factory":
            text = grid.text_input(label, "IVF64,SQ8", key=f"{key}-factory", help=DOCS[name])
            settings[name] = text.strip()
        else:
            settings[name] = config_fields.number(
                IndexConfig, name, label, key=f"{key}-{kind}-{name}", place=grid
            )
    settings["metric"] = grid.selectbox(
        "Distance metric",
        list(Metric),
        format_func=METRICS.__getitem__,
        key=f"{key}-metric",
        help=DOCS["metric"],
    )
    return config_fields.build(IndexConfig, kind=kind, store=store, **settings)


def _store(key: str) -> StoreName:
    """Draw the choice of the store if a Milvus server is configured; else return FAISS."""
    address = None
    with errors.shown(st.warning):
        address = milvus_address()
    if address is None:
        return StoreName.FAISS
    store = StoreName(
        st.segmented_control(
            "Store",
            list(StoreName),
            default=StoreName.FAISS,
            required=True,
            format_func=STORES.__getitem__,
            key=f"{key}-store",
            help=DOCS["store"],
        )
    )
    if store == StoreName.MILVUS:
        st.caption(f"Stored and searched by {plain(address.shown)}; the embeddings also stay here.")
    return store
