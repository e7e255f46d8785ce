"""Indexes as artifacts: built from embeddings, opened for searching."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from core.artifacts.folders import draft, open_artifact, publish
from core.artifacts.manifests import Manifest
from core.embeddings.encoding import Encoding, read_encoding
from core.embeddings.files import IMAGE_IDS, Embeddings, open_embeddings
from core.files import write_atomically
from core.indexes import faiss_store
from core.indexes.build import build
from core.indexes.config import IndexConfig, StoreName
from core.indexes.faiss_store import FaissStore
from core.indexes.milvus.build import build_on_milvus, classes_fingerprint, describe, open_on_milvus
from core.indexes.milvus.collection import is_on_milvus, no_file
from core.indexes.milvus.store import MilvusStore
from core.indexes.store import VectorStore
from core.progress import Work
from core.workspace import Workspace

INDEX = "index.faiss"


@dataclass(frozen=True, slots=True)
class Index:
    """An index, open for searching."""

    manifest: Manifest
    store: VectorStore
    encoding: Encoding
    """What queries go through."""

    @property
    def faiss(self) -> FaissStore:
        """The store, where what is asked for is in FAISS's own file.

        Raises:
            WorkbenchError: The index is kept elsewhere.
        """
        if not isinstance(self.store, FaissStore):
            raise no_file(self.manifest.id)
        return self.store

    @property
    def dataset(self) -> str:
        """Name of the dataset whose images it finds."""
        return self.manifest.made_from["dataset"]

    @property
    def model(self) -> str:
        """Id of the model that queries must be embedded with."""
        return self.manifest.made_from["model"]

    @property
    def embeddings(self) -> str:
        """Id of the embeddings it was built from."""
        return self.manifest.made_from["embeddings"]


class _Kept(NamedTuple):
    """What the manifest of an index says by where it is kept."""

    summary: dict[str, Any]
    made_from: dict[str, str]


def build_index(workspace: Workspace, embeddings_id: str, config: IndexConfig) -> Work[Manifest]:
    """Build an index over embeddings and save it.

    Raises:
        MissingError: There are no such embeddings.
        DamagedArtifactError: Their files were changed.
        WorkbenchError: There are too few of them for this kind; or Milvus is to keep it, and no
            server is configured or it stays away.
    """
    embeddings = open_embeddings(workspace, embeddings_id)
    started = time.perf_counter()
    store: VectorStore
    if config.store == StoreName.MILVUS:
        store = yield from build_on_milvus(workspace, embeddings, config)
    else:
        store = yield from build(embeddings.vectors, embeddings.image_ids, config)
    taken = {"build_s": time.perf_counter() - started}
    return publish_index(workspace, embeddings, store, config, summary=taken)


def publish_index(
    workspace: Workspace,
    embeddings: Embeddings,
    store: VectorStore,
    config: IndexConfig,
    *,
    summary: Mapping[str, Any],
) -> Manifest:
    """Save an index that was built over embeddings.

    Args:
        workspace: Where to.
        embeddings: What it was built from.
        store: The index.
        config: What it was built by.
        summary: Facts to keep beside those that every index has.
    """
    source = embeddings.manifest
    with draft(workspace.indexes) as folder:
        kept = _keep(workspace, embeddings, store, folder)
        return publish(
            folder,
            kind="index",
            stem=f"{source.id[:70]}-{config.kind.replace('_', '-')}",
            config=asdict(config),
            made_from=source.made_from
            | kept.made_from
            | {"embeddings": source.id, "embeddings_fingerprint": source.fingerprint},
            summary={
                "count": store.count,
                "dimension": store.dimension,
                "num_problems": source.summary["num_problems"],
                "encoding": embeddings.encoding.write(folder),
                "images": source.config.get("images", {}),
                **kept.summary,
                **summary,
            },
        )


def _keep(workspace: Workspace, embeddings: Embeddings, store: VectorStore, folder: Path) -> _Kept:
    """Write what is to be in the artifact of a store."""
    if isinstance(store, MilvusStore):
        summary = {"size_bytes": 0, **describe(store)}
        return _Kept(summary, classes_fingerprint(workspace, embeddings))
    if not isinstance(store, FaissStore):
        raise TypeError(f"no index can be saved from a {type(store).__name__}")
    store.write(folder / INDEX)
    write_atomically(folder / IMAGE_IDS, lambda file: np.save(file, store.image_ids))
    return _Kept({"size_bytes": (folder / INDEX).stat().st_size}, {})


def open_index(workspace: Workspace, index_id: str, *, writable: bool = False) -> Index:
    """Open an index for searching, after checking its checksums.

    Args:
        workspace: Where it is.
        index_id: Which.
        writable: Read all of it into memory, so that images can be added.

    Raises:
        MissingError: There is no such index.
        DamagedArtifactError: A file of it was changed.
        WorkbenchError: Milvus keeps it, and no server is configured.
    """
    manifest = open_artifact(workspace.indexes, index_id)
    folder = workspace.indexes / index_id
    store: VectorStore
    if is_on_milvus(manifest):
        store = open_on_milvus(manifest)
    else:
        image_ids = np.load(folder / IMAGE_IDS, allow_pickle=False)
        dimension = manifest.summary["dimension"]
        store = faiss_store.read(folder / INDEX, image_ids, dimension, writable=writable)
    settings = manifest.summary.get("encoding", {})
    return Index(manifest, store, read_encoding(folder, manifest.made_from, settings))
