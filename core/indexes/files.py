"""Index artifacts: building from embeddings, saving, opening, checking the index file.

Shapes, in this file: N rows of the index, D embedding dimensions.
"""

import struct
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from core.artifacts.folders import draft, open_artifact, publish
from core.artifacts.manifests import Manifest
from core.embeddings.encoding import Encoding, read_encoding
from core.embeddings.files import Embeddings, open_embeddings
from core.errors import DamagedArtifactError
from core.indexes.build import build
from core.indexes.config import IndexConfig, StoreName
from core.indexes.faiss_store import IMAGE_IDS, INDEX, FaissStore
from core.indexes.info import no_file, read_info
from core.indexes.milvus.build import build_on_milvus, classes_fingerprint, open_on_milvus
from core.indexes.store import VectorStore
from core.progress import Work
from core.workspace import Workspace

MAX_READ_BYTES = 1 << 38
"""A file that claims more than 256 GiB of vectors is refused before memory is allocated for it."""

MAPPED_FROM_BYTES = 64 << 20
"""Smaller files are read at once; larger ones are mapped."""

GPU_FROM = 100_000
"""Vectors from which a GPU is worth its memory: comparing with all of fewer takes the CPU a
millisecond at most."""

HEADER = struct.Struct("<4siq")
"""The beginning of most FAISS files: four letters, D, and N."""


def read_faiss(
    path: Path, image_ids: NDArray[np.int64], dimension: int, *, writable: bool = False
) -> FaissStore:
    """Load a FAISS index whose checksum has been verified; a large one is mapped.

    Args:
        path: The file; it must not be written to while the index is open.
        image_ids: (N,) the catalog id of each row, or `REMOVED`.
        dimension: D, from the manifest.
        writable: Images will be added, so the file is never mapped.

    Raises:
        DamagedArtifactError: The file does not fit its manifest.
    """
    _check_header(path, len(image_ids), dimension)
    faiss.set_deserialization_vector_byte_limit(MAX_READ_BYTES)
    is_mapped = not writable and path.stat().st_size >= MAPPED_FROM_BYTES
    try:
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC if is_mapped else 0)
    except (RuntimeError, MemoryError) as error:
        raise _misfit(path) from error
    if index.d != dimension or index.ntotal != len(image_ids):
        raise _misfit(path)
    store = FaissStore(index, image_ids)
    if not writable and len(image_ids) >= GPU_FROM:
        store.use_gpu()
    return store


def _check_header(path: Path, count: int, dimension: int) -> None:
    """Raise an error for a file of another size than its manifest says, before FAISS reads it.

    Raises:
        DamagedArtifactError: Its header does not say `count` vectors of `dimension`.
    """
    with path.open("rb") as file:
        start = file.read(HEADER.size)
    if len(start) < HEADER.size or HEADER.unpack(start)[1:] != (dimension, count):
        raise _misfit(path)


def _misfit(path: Path) -> DamagedArtifactError:
    return DamagedArtifactError(
        f"{path.parent.name}/{path.name} does not fit its manifest.", "Build the index again."
    )


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
    return publish_index(workspace, embeddings, store, config, summary=seconds)


def publish_index(
    workspace: Workspace,
    embeddings: Embeddings,
    store: VectorStore,
    config: IndexConfig,
    *,
    summary: Mapping[str, Any],
) -> Manifest:
    """Save an index that was built over embeddings, with further facts in the summary."""
    source = embeddings.manifest
    with draft(workspace.indexes) as folder:
        facts = store.save(folder)
        labels = classes_fingerprint(workspace, embeddings) if store.stores_labels else {}
        return publish(
            folder,
            kind="index",
            stem=f"{source.id[:70]}-{config.kind.replace('_', '-')}",
            config=asdict(config),
            made_from=source.as_source | labels,
            summary={
                "count": store.count,
                "dimension": store.dimension,
                "num_problems": source.summary["num_problems"],
                "encoding": embeddings.encoding.write(folder),
                "images": source.config.get("images", {}),
                **facts,
                **summary,
            },
        )


def open_index(workspace: Workspace, index_id: str, *, writable: bool = False) -> Index:
    """Open an index for searching, after checking its checksums.

    A `writable` one is read into memory, so that images can be added.

    Raises:
        MissingError: There is no such index.
        DamagedArtifactError: A file of it was changed.
        WorkbenchError: It is on a Milvus server, and none is configured.
    """
    manifest = open_artifact(workspace.indexes, index_id)
    folder = workspace.indexes / index_id
    store: VectorStore
    if read_info(manifest).is_remote:
        store = open_on_milvus(manifest)
    else:
        image_ids = np.load(folder / IMAGE_IDS, allow_pickle=False)
        dimension = manifest.summary["dimension"]
        store = read_faiss(folder / INDEX, image_ids, dimension, writable=writable)
    settings = manifest.summary.get("encoding", {})
    return Index(manifest, store, read_encoding(folder, manifest.made_from, settings))
