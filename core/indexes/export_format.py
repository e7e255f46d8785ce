"""What indexes and embeddings are exported as."""

from enum import StrEnum

from core.artifacts.manifests import Manifest


class ExportFormat(StrEnum):
    """What is taken out."""

    INDEX = "index"
    """A zip of the FAISS index, the image ids of its rows, and how to open it."""

    NPY = "npy"
    """A zip of the embeddings and image ids as NumPy arrays."""

    PARQUET = "parquet"
    """The embeddings as a table, with each image's path, class and split."""

    BUNDLE = "bundle"
    """Model, embeddings, index and thumbnails: opens on another machine that has this app."""


SUFFIXES = {
    ExportFormat.INDEX: "-index.zip",
    ExportFormat.NPY: "-npy.zip",
    ExportFormat.PARQUET: ".parquet",
    ExportFormat.BUNDLE: "-bundle.zip",
}


def file_name(index: Manifest, export_format: ExportFormat) -> str:
    """Return what the exported file of an index is called."""
    return f"{index.id}{SUFFIXES[export_format]}"
