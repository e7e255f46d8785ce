"""Form of an index: store, kind and parameters."""

from typing import Any

import streamlit as st

from core.errors import WorkbenchError
from core.indexes.config import IndexConfig, Metric, StoreName, kinds_in
from core.indexes.kinds import KINDS, PARAMETER_LABELS
from core.indexes.milvus.address import milvus_address
from core.options import bounds_of, default_of, field_docs
from pages.parts.components.text import plain

STORES = {StoreName.FAISS: "Here, by FAISS", StoreName.MILVUS: "On a Milvus server"}
METRICS = {Metric.COSINE: "cosine", Metric.INNER_PRODUCT: "inner product", Metric.L2: "L2"}
DOCS = field_docs(IndexConfig)


def label_of(name: str) -> str:
    """Return the label of a kind."""
    return KINDS[name].label


def choose(key: str) -> IndexConfig:
    """Draw the form, and return the index that was chosen.

    Raises:
        ValueError: The config is invalid; the message says why.
    """
    store = _store(key)
    kind = str(
        st.segmented_control(
            "Kind",
            kinds_in(store),
            default=default_of(IndexConfig, "kind"),
            required=True,
            format_func=label_of,
            key=f"{key}-kind",
        )
    )
    st.markdown(f"**{KINDS[kind].label}** {KINDS[kind].explanation}")
    settings: dict[str, Any] = {}
    grid = st.grid(4, min_column_width=190)
    for name in KINDS[kind].parameters:
        with grid.cell():
            settings[name] = _parameter(key, kind, name)
    with grid.cell():
        settings["metric"] = st.selectbox(
            "Compare by",
            list(Metric),
            format_func=METRICS.__getitem__,
            key=f"{key}-metric",
            help=DOCS["metric"],
        )
    return IndexConfig(kind=kind, store=store, **settings)


def _parameter(key: str, kind: str, name: str) -> int | str:
    label, explanation = PARAMETER_LABELS[name], DOCS[name]
    if name == "factory":
        text = st.text_input(label, "IVF64,SQ8", key=f"{key}-factory", help=explanation)
        return text.strip()
    low, high = bounds_of(IndexConfig, name)
    default = default_of(IndexConfig, name)
    return int(
        st.number_input(label, low, high, default, key=f"{key}-{kind}-{name}", help=explanation)
    )


def _store(key: str) -> StoreName:
    """Draw the choice of the store if a Milvus server is configured; else return FAISS."""
    try:
        address = milvus_address()
    except WorkbenchError as error:
        st.warning(plain(str(error)))
        return StoreName.FAISS
    if address is None:
        return StoreName.FAISS
    store = StoreName(
        st.segmented_control(
            "Kept",
            list(StoreName),
            default=StoreName.FAISS,
            required=True,
            format_func=STORES.__getitem__,
            key=f"{key}-store",
            help=DOCS["store"],
        )
    )
    if store == StoreName.MILVUS:
        st.caption(
            f"The server at {plain(address.shown)} keeps and searches it. The embeddings stay here "
            "too: from them it is built again whenever the server has lost it."
        )
    return store
