"""`IndexInfo`: what an index's manifest says, without importing FAISS, and its export formats."""

from dataclasses import dataclass
from enum import StrEnum

from core.artifacts.manifests import Manifest
from core.errors import WorkbenchError
from core.indexes.config import IndexConfig, Metric, StoreName, normalized
from core.indexes.milvus.collection import COLLECTION
from core.lineage.graph import Lineage
from core.metrics.measures import RANKS
from core.options import default_of

RECALL = f"recall_at_{RANKS}"
"""Key of a summary: recall@10 vs. exact search of an approximate index, when it was published."""


class ExportFormat(StrEnum):
    """What is exported, and in which format."""

    INDEX = "index"
    """A zip of the FAISS index, the path and class of each image, and how to open it."""

    NPY = "npy"
    """A zip of the embeddings as NumPy arrays, with the path and class of each image."""

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


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexInfo:
    """An index as its manifest describes it."""

    config: IndexConfig
    size_bytes: int | None
    """Size of the file; None if a server stores the index."""

    collection: str
    """Name of the collection on a Milvus server; empty if the index is a file."""

    @property
    def is_remote(self) -> bool:
        """Return whether a server stores the index."""
        return self.config.store == StoreName.MILVUS

    @property
    def export_formats(self) -> list[ExportFormat]:
        """Return the formats that the index can be exported as."""
        return [each for each in ExportFormat if each not in FILE_FORMATS or not self.is_remote]

    @property
    def description(self) -> str:
        """Return the kind, and the parameters that are not the default."""
        if self.config.entry.is_custom:
            return self.config.factory
        chosen = [
            f"{name.replace('_', ' ')} {getattr(self.config, name)}"
            for name in self.config.entry.parameters
            if getattr(self.config, name) != default_of(IndexConfig, name)
        ]
        place = ["on Milvus"] if self.is_remote else []
        return ", ".join([self.config.entry.label, *chosen, *place])


def read_info(index: Manifest) -> IndexInfo:
    """Return what the manifest of an index says."""
    config = IndexConfig(**index.config)
    is_file = config.store == StoreName.FAISS
    return IndexInfo(
        config=config,
        size_bytes=index.summary["size_bytes"] if is_file else None,
        collection=str(index.summary.get(COLLECTION, "")),
    )


def rebuild_reason(index: Manifest) -> str:
    """Return why an index that is not stale should be built again; empty if it need not be."""
    if retrain := index.summary.get("retrain", ""):
        return str(retrain)
    config = IndexConfig(**index.config)
    if RECALL in index.summary or config.metric == Metric.L2:
        return ""
    # Version 0.1 built such indexes, which rank images wrongly
    is_wrong = normalized(config.factory) != config.factory
    return "vectors are not normalized after the transform" if is_wrong else ""


def find_index(lineage: Lineage, embeddings: Manifest, config: IndexConfig) -> Manifest | None:
    """Return the newest index of embeddings with a config, if there is one."""
    for index in lineage.indexes:
        is_source = index.made_from["embeddings_fingerprint"] == embeddings.fingerprint
        if is_source and IndexConfig(**index.config) == config:
            return index
    return None


def check_is_file(index: Manifest) -> None:
    """Raise `WorkbenchError` if a server stores the index, so that it is no file."""
    if read_info(index).is_remote:
        raise no_file(index.id)


def no_file(index_id: str) -> WorkbenchError:
    """Return the error for an index that would have to be a file, but is on a server."""
    return WorkbenchError(
        f"{index_id} is on a Milvus server, so there is no file of it.",
        "Build an index of the same embeddings with FAISS, and use that one.",
    )
