"""The embedded vector index: FAISS, in this process, from a file.

Shapes, in this file: N indexed images, Q queries, D embedding dimensions, K results.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from core.errors import DamagedArtifactError, WorkbenchError
from core.files import write_atomically
from core.progress import Progress, Work
from core.vectors.config import IndexConfig, IndexKind
from core.vectors.store import Matches

faiss_any: Any = faiss
"""Its type stubs know neither all search parameters nor their arguments."""

ADD_BATCH = 4096
TRAIN_VECTORS_PER_LIST = 39
"""FAISS warns below this many training vectors a list."""

MAX_READ_BYTES = 1 << 38
"""A file that claims more than 256 GiB of vectors is refused before memory is asked for."""


class FaissStore:
    """A FAISS index over unit rows, with the catalog id of each."""

    def __init__(self, index: faiss.Index, image_ids: NDArray[np.int64]) -> None:
        self.index = index
        self.image_ids = image_ids

    @property
    def count(self) -> int:
        """How many images are indexed."""
        return int(self.index.ntotal)

    @property
    def dimension(self) -> int:
        """D, the length of an embedding."""
        return int(self.index.d)

    def search(
        self, queries: NDArray[np.float32], k: int, *, among: NDArray[np.int64] | None = None
    ) -> list[Matches]:
        """See `VectorStore.search`.

        Raises:
            WorkbenchError: The queries come from another model: their length differs.
            ValueError: `k` is below 1.
        """
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}")
        if queries.shape[1] != self.dimension:
            raise WorkbenchError(
                f"The index holds {self.dimension}-dimensional embeddings, "
                f"the query has {queries.shape[1]}.",
                "Embed the query with the model that the index was made with.",
            )
        k = min(k, self.count)
        similarities, rows = self.index.search(queries, k, params=self._parameters(k, among))
        found = rows >= 0  # FAISS fills a short row up with -1
        return [
            Matches(self.image_ids[row[real]], similarity[real])
            for row, similarity, real in zip(rows, similarities, found, strict=True)
        ]

    def write(self, path: Path) -> None:
        """Save the FAISS index, in one rename."""
        content = faiss.serialize_index(self.index)
        write_atomically(path, lambda file: file.write(content.data))

    def _parameters(self, k: int, among: NDArray[np.int64] | None) -> Any:
        selector = None
        if among is not None:
            selector = faiss.IDSelectorBatch(np.flatnonzero(np.isin(self.image_ids, among)))
        if isinstance(self.index, faiss.IndexIVF):
            return faiss_any.SearchParametersIVF(sel=selector, nprobe=self.index.nprobe)
        if isinstance(self.index, faiss.IndexHNSW):
            effort = max(self.index.hnsw.efSearch, k)
            return faiss_any.SearchParametersHNSW(sel=selector, efSearch=effort)
        return None if selector is None else faiss_any.SearchParameters(sel=selector)


def build(
    vectors: NDArray[np.float32], image_ids: NDArray[np.int64], config: IndexConfig
) -> Work[FaissStore]:
    """Index (N, D) unit rows, yielding as they are added.

    Raises:
        WorkbenchError: There are too few images for the wanted number of IVF lists.
    """
    count, dimension = vectors.shape
    index = _empty(count, dimension, config)
    if not index.is_trained:
        yield Progress(0, count, "grouping the vectors")
        index.train(np.ascontiguousarray(vectors))
    for start in range(0, count, ADD_BATCH):
        index.add(np.ascontiguousarray(vectors[start : start + ADD_BATCH]))
        yield Progress(index.ntotal, count, "adding vectors")
    return FaissStore(index, image_ids)


def read(path: Path, image_ids: NDArray[np.int64], dimension: int) -> FaissStore:
    """Load a FAISS index whose checksum has been verified.

    Raises:
        DamagedArtifactError: It does not fit what its manifest says of it.
    """
    faiss.set_deserialization_vector_byte_limit(MAX_READ_BYTES)
    try:
        index = faiss.read_index(str(path))
    except RuntimeError as error:
        raise _misfit(path) from error
    if index.d != dimension or index.ntotal != len(image_ids):
        raise _misfit(path)
    return FaissStore(index, image_ids)


def neighbour_recall(found: Sequence[Matches], exact: Sequence[Matches]) -> float:
    """Return the share of the exact search's matches that the index found too."""
    hits = sum(
        len(np.intersect1d(a.image_ids, b.image_ids)) for a, b in zip(found, exact, strict=True)
    )
    return hits / max(1, sum(len(b.image_ids) for b in exact))


def _empty(count: int, dimension: int, config: IndexConfig) -> faiss.Index:
    if config.kind == IndexKind.FLAT:
        return faiss.IndexFlatIP(dimension)
    if config.kind == IndexKind.HNSW:
        graph = faiss.IndexHNSWFlat(dimension, config.links, faiss.METRIC_INNER_PRODUCT)
        graph.hnsw.efConstruction = config.ef_construction
        graph.hnsw.efSearch = config.ef_search
        return graph
    enough = count // TRAIN_VECTORS_PER_LIST
    lists = config.lists or max(1, min(round(4 * math.sqrt(count)), enough))
    if lists > count:
        raise WorkbenchError(
            f"{lists} lists need at least {lists} images, and only {count} are embedded.",
            "Ask for fewer lists, or for 0 to have the number chosen.",
        )
    cells = faiss.IndexIVFFlat(
        faiss.IndexFlatIP(dimension), dimension, lists, faiss.METRIC_INNER_PRODUCT
    )
    cells.cp.min_points_per_centroid = 1  # Checked above, in a sentence of our own
    cells.nprobe = min(lists, config.nprobe or math.ceil(lists / 8))
    return cells


def _misfit(path: Path) -> DamagedArtifactError:
    return DamagedArtifactError(
        f"{path.parent.name}/{path.name} does not fit its manifest.", "Build the index again."
    )
