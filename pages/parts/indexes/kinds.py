"""The kinds of index on the page: what they are called, what they do, what there is to choose."""

from typing import Any

import streamlit as st

from core.artifacts.manifests import Manifest
from core.errors import WorkbenchError
from core.indexes.config import MILVUS_KINDS, IndexConfig, IndexKind, Metric, StoreName
from core.indexes.milvus.address import milvus_address
from core.options import field_docs
from pages.parts.components.text import plain

NAMES = {
    IndexKind.FLAT: "Flat",
    IndexKind.HNSW: "HNSW",
    IndexKind.IVF: "IVF-Flat",
    IndexKind.IVF_PQ: "IVF-PQ",
    IndexKind.SQ8: "SQ8",
    IndexKind.OPQ_IVF_PQ: "OPQ+IVF-PQ",
    IndexKind.FACTORY: "FAISS factory string",
}
EXPLANATIONS = {
    IndexKind.FLAT: "compares with every image: exact, and right up to some 100,000 images.",
    IndexKind.HNSW: "walks a graph of neighbors: the quickest, and takes the most memory.",
    IndexKind.IVF: "looks only into the nearest groups: quick, and may miss a match.",
    IndexKind.IVF_PQ: "looks into the nearest groups, and keeps only some bytes of each image: "
    "for millions of images in little memory.",
    IndexKind.SQ8: "compares with every image, of which it keeps a byte a dimension: a fourth of "
    "the memory, nearly exact.",
    IndexKind.OPQ_IVF_PQ: "turns the space so that IVF-PQ's bytes lose less of it; learning that "
    "takes minutes.",
    IndexKind.FACTORY: "is whatever FAISS can build from a description of its own.",
}
STORES = {StoreName.FAISS: "Here, by FAISS", StoreName.MILVUS: "On a Milvus server"}
METRICS = {Metric.COSINE: "cosine", Metric.INNER_PRODUCT: "inner product", Metric.L2: "L2"}
GROUPS = {"nlist": (0, 65536, 0), "nprobe": (0, 65536, 0)}
CODES = GROUPS | {"code_bytes": (0, 1024, 0)}
FIELDS: dict[IndexKind, dict[str, tuple[int, int, int]]] = {
    IndexKind.HNSW: {
        "m": (2, 256, 32),
        "ef_construction": (1, 4096, 200),
        "ef_search": (1, 4096, 64),
    },
    IndexKind.IVF: GROUPS,
    IndexKind.IVF_PQ: CODES,
    IndexKind.OPQ_IVF_PQ: CODES,
}
"""Kind → its numbers: least, most, default. 0 leaves one to the number of images."""

LABELS = {
    "m": "Links of an image (M)",
    "ef_construction": "Candidates when building (efConstruction)",
    "ef_search": "Candidates when searching (efSearch)",
    "nlist": "Groups (nlist)",
    "nprobe": "Groups looked into (nprobe)",
    "code_bytes": "Bytes of an image",
}
DOCS = field_docs(IndexConfig)


def described(index: Manifest) -> str:
    """Return what kind an index is, with the numbers that were chosen for it."""
    config = IndexConfig(**index.config)
    if config.kind == IndexKind.FACTORY:
        return config.factory
    place = ["on Milvus"] if config.store == StoreName.MILVUS else []
    chosen = {
        name: getattr(config, name)
        for name, (_, _, default) in FIELDS.get(config.kind, {}).items()
        if getattr(config, name) != default
    }
    words = [f"{name.replace('_', ' ')} {value}" for name, value in chosen.items()]
    return ", ".join([NAMES[config.kind], *words, *place])


def choose(key: str) -> IndexConfig:
    """Draw what a kind of index has to choose, and return the choice.

    Raises:
        ValueError: It makes no sense; the message says why.
    """
    store = _store(key)
    kind = IndexKind(
        st.segmented_control(
            "Kind",
            MILVUS_KINDS if store == StoreName.MILVUS else list(IndexKind),
            default=IndexKind.FLAT,
            required=True,
            format_func=NAMES.__getitem__,
            key=f"{key}-kind",
        )
    )
    st.markdown(f"**{NAMES[kind]}** {EXPLANATIONS[kind]}")
    settings: dict[str, Any] = {}
    grid = st.grid(4, min_column_width=190)
    if kind == IndexKind.FACTORY:
        with grid.cell():
            settings["factory"] = st.text_input(
                "Factory string", "IVF64,SQ8", key=f"{key}-factory", help=DOCS["factory"]
            ).strip()
    for name, (low, high, default) in FIELDS.get(kind, {}).items():
        with grid.cell():
            settings[name] = st.number_input(
                LABELS[name], low, high, default, key=f"{key}-{kind}-{name}", help=DOCS[name]
            )
    with grid.cell():
        settings["metric"] = st.selectbox(
            "Compare by",
            list(Metric),
            format_func=METRICS.__getitem__,
            key=f"{key}-metric",
            help=DOCS["metric"],
        )
    return IndexConfig(kind=kind, store=store, **settings)


def _store(key: str) -> StoreName:
    """Ask where the index is to be kept, if a Milvus server is configured; else it is here."""
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
