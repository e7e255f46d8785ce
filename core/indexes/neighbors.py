"""Nearest neighbors of every image in the embedding space.

Shapes, in this file: N images, D embedding dimensions, K neighbors.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.indexes.config import IndexConfig
from core.progress import Progress, Work

MAX_COMPARED = 20_000
"""Up to this number the search is exact; beyond it an IVF index finds nearly all neighbors."""

NLIST, NPROBE = 512, 16
BATCH = 1024
"""Images per search; a stop waits for one batch."""


@dataclass(frozen=True, slots=True, eq=False)
class Neighbors:
    """Nearest neighbors of each image, the nearest first."""

    rows: NDArray[np.int32]
    """(N, K) rows of the embeddings, without the image itself."""

    similarities: NDArray[np.float32]
    """(N, K) cosine similarities in [-1, 1], descending."""

    def first(self, k: int) -> "Neighbors":
        """Return the nearest `k` neighbors."""
        return Neighbors(self.rows[:, :k], self.similarities[:, :k])

    def distances(self, *, euclidean: bool) -> NDArray[np.float32]:
        """Return (N, K) distances: 1 - cosine in [0, 2], or euclidean between unit rows."""
        cosine = np.clip(1 - self.similarities, 0, 2)
        return np.sqrt(2 * cosine) if euclidean else cosine


def find_neighbors(vectors: NDArray[np.float32], k: int) -> Work[Neighbors]:
    """Find the `k` nearest neighbors, at most N - 1, of each of (N, D) float32 unit rows.

    The rows may be mapped.
    """
    count = len(vectors)
    index = yield from _index_of(vectors)
    rows = np.empty((count, k), np.int32)
    similarities = np.empty((count, k), np.float32)
    for start in range(0, count, BATCH):
        queries = np.ascontiguousarray(vectors[start : start + BATCH], np.float32)
        scores, nearest = index.search(queries, k + 1)
        block = slice(start, start + len(queries))
        rows[block], similarities[block] = _others(scores, nearest, np.arange(start, block.stop))
        yield Progress(block.stop, count, "finding neighbors")
    return Neighbors(rows, np.clip(similarities, -1, 1))


def _index_of(vectors: NDArray[np.float32]) -> Work[Any]:
    """Return a FAISS index of (N, D) unit rows."""
    import faiss  # A page must not load it

    from core.indexes.build import build

    count, dimension = vectors.shape
    if count <= MAX_COMPARED:
        flat = faiss.IndexFlatIP(dimension)
        flat.add(np.ascontiguousarray(vectors, np.float32))
        return flat
    config = IndexConfig(kind="ivf", nlist=NLIST, nprobe=NPROBE)
    store = yield from build(vectors, np.arange(count, dtype=np.int64), config)
    return store.index


def _others(
    similarities: NDArray[np.float32], nearest: NDArray[np.int64], own: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Remove the image itself from (B, K + 1) results; it may be at any rank, or missing."""
    order = np.argsort(nearest == own[:, None], axis=1, kind="stable")[:, :-1]
    rows = np.take_along_axis(nearest, order, axis=1)
    similarities = np.take_along_axis(similarities, order, axis=1)
    # IVF may return too few: the nearest neighbor is then repeated
    missing = rows < 0
    filled: NDArray[np.float32] = np.where(missing, similarities[:, :1], similarities)
    return np.where(missing, rows[:, :1], rows).astype(np.int32), filled
