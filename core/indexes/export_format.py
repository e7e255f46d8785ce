"""Export formats of indexes and their embeddings."""

from enum import StrEnum

from core.artifacts.manifests import Manifest


class ExportFormat(StrEnum):
    """What is exported, and in which format."""

    INDEX = "index"
    """A zip of the FAISS index, the image ids of its rows, and how to open it."""

    NPY = "npy"
    """A zip of the embeddings and image ids as NumPy arrays."""

    PARQUET = "parquet"
    """The embeddings as a table, with each image's path, class and split."""

    BUNDLE = "bundle"
    """Model, embeddings, index and thumbnails, to import on another machine."""


FILE_FORMATS = (ExportFormat.INDEX, ExportFormat.BUNDLE)
"""The formats that contain the index itself, so they need it as a file."""


SUFFIXES = {
    ExportFormat.INDEX: "-index.zip",
    ExportFormat.NPY: "-npy.zip",
    ExportFormat.PARQUET: ".parquet",
    ExportFormat.BUNDLE: "-bundle.zip",
}


def file_name(index: Manifest, export_format: ExportFormat) -> str:
    """Return the name of the exported file of an index."""
    return f"{index.id}{SUFFIXES[export_format]}"
