"""Index artifacts: building from embeddings, saving and opening.

Shapes, in this file: B images.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.artifacts.folders import draft, open_artifact, publish
from core.artifacts.manifests import Manifest, content_of, was_updated
from core.artifacts.versions import publish_version
from core.embeddings.encoding import Encoding, read_encoding
from core.embeddings.files import Embeddings, open_embeddings
from core.errors import DamagedArtifactError
from core.indexes.build import build
from core.indexes.config import IndexConfig, StoreName
from core.indexes.faiss_file import read_faiss
from core.indexes.faiss_store import IMAGE_IDS, INDEX, FaissStore
from core.indexes.info import no_file, read_info
from core.indexes.milvus.build import build_on_milvus, classes_fingerprint, open_on_milvus
from core.indexes.probe import probe
from core.indexes.store import VectorStore
from core.progress import Work
from core.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Index:
    """An index, open for searching."""

    manifest: Manifest
    store: VectorStore
    encoding: Encoding
    """How queries are embedded."""

    @property
    def faiss(self) -> FaissStore:
        """Return the store of an index that is a FAISS file.

        Raises:
            WorkbenchError: The index is on a server.
        """
        if not isinstance(self.store, FaissStore):
            raise no_file(self.manifest.id)
        return self.store

    @property
    def dataset(self) -> str:
        """Return the name of the dataset whose images it finds."""
        return self.manifest.made_from["dataset"]

    @property
    def model(self) -> str:
        """Return the id of the model that queries must be embedded with."""
        return self.manifest.made_from["model"]

    @property
    def embeddings(self) -> str:
        """Return the id of the embeddings it was built from."""
        return self.manifest.made_from["embeddings"]


def build_index(workspace: Workspace, embeddings_id: str, config: IndexConfig) -> Work[Manifest]:
    """Build an index over embeddings and save it.

    Raises:
        MissingError: There are no such embeddings.
        DamagedArtifactError: Their files were changed.
        WorkbenchError: There are too few of them for this kind; or the store is Milvus, and no
            server is configured or it stays unavailable.
    """
    embeddings = open_embeddings(workspace, embeddings_id)
    started = time.perf_counter()
    store: VectorStore
    if config.store == StoreName.MILVUS:
        store = yield from build_on_milvus(workspace, embeddings, config)
    else:
        store = yield from build(embeddings.vectors, embeddings.image_ids, config)
    seconds = {"build_s": time.perf_counter() - started}
    return (yield from publish_index(workspace, embeddings, store, config, summary=seconds))


def publish_index(
    workspace: Workspace,
    embeddings: Embeddings,
    store: VectorStore,
    config: IndexConfig,
    *,
    summary: Mapping[str, Any],
    replaces: Manifest | None = None,
    added: NDArray[np.int64] | None = None,
) -> Work[Manifest]:
    """Save an index that was built over embeddings, once it has found its own images.

    Args:
        workspace: Where it is saved.
        embeddings: What it was built over.
        store: The index.
        config: Its settings.
        summary: Further facts for its summary, which also has the recall of an approximate index.
        replaces: The index of which this is the next version; None for a new one.
        added: (B,) catalog ids that this version adds; None for a new index.

    Raises:
        UnfitIndexError: The index does not find its own images, so it is not saved.
    """
    probed = yield from probe(store, embeddings, added)
    source = embeddings.manifest
    with draft(workspace.indexes) as folder:
        facts = store.save(folder)
        labels = classes_fingerprint(workspace, embeddings) if store.stores_labels else {}
        described: dict[str, Any] = {
            "config": asdict(config),
            "made_from": source.as_source | labels,
            "summary": {
                "count": store.count,
                "dimension": store.dimension,
                "num_problems": source.summary["num_problems"],
                "encoding": embeddings.encoding.write(folder),
                "images": source.config.get("images", {}),
                **facts,
                **probed,
                **summary,
            },
        }
        if replaces is not None:
            return publish_version(folder, replaces, **described)
        stem = f"{source.id[:70]}-{config.kind.replace('_', '-')}"
        return publish(folder, kind="index", stem=stem, **described)


def open_index(workspace: Workspace, index_id: str, *, writable: bool = False) -> Index:
    """Open an index for searching, after checking its checksums.

    A `writable` one is read into memory, so that images can be added. If the index is updated
    meanwhile, its new version is opened.

    Raises:
        MissingError: There is no such index.
        DamagedArtifactError: A file of it was changed.
        WorkbenchError: It is on a Milvus server, and none is configured.
    """
    folder = workspace.indexes / index_id
    while True:
        manifest = open_artifact(workspace.indexes, index_id)
        try:
            return _open(folder, manifest, writable=writable)
        except (DamagedArtifactError, FileNotFoundError):
            if not was_updated(folder, manifest):
                raise


def _open(folder: Path, manifest: Manifest, *, writable: bool) -> Index:
    """Open the index in an artifact's folder, after the checksums of its files were verified."""
    content = content_of(folder, manifest)
    store: VectorStore
    if read_info(manifest).is_remote:
        store = open_on_milvus(manifest, content, folder.parent)
    else:
        # Mapped, because numpy allocates what a header claims, unless the file is too short for it
        image_ids = np.array(np.load(content / IMAGE_IDS, mmap_mode="r", allow_pickle=False))
        dimension = manifest.summary["dimension"]
        store = read_faiss(content / INDEX, image_ids, dimension, writable=writable)
    settings = manifest.summary.get("encoding", {})
    return Index(manifest, store, read_encoding(content, manifest.made_from, settings))
