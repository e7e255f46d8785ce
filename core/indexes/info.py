"""`IndexInfo`: what the manifest of an index says, without opening the index or importing FAISS."""

from dataclasses import dataclass

from core.artifacts.manifests import Manifest
from core.errors import WorkbenchError
from core.indexes.config import IndexConfig, StoreName
from core.indexes.export_format import FILE_FORMATS, ExportFormat
from core.indexes.milvus.collection import COLLECTION
from core.lineage.graph import Lineage
from core.options import default_of


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
