"""Exact search in blocks, without copying all vectors into memory.

Shapes, in this file: N vectors, Q queries, D embedding dimensions, K neighbors.
"""

import faiss
import numpy as np
from numpy.typing import NDArray

from core.progress import Progress, Work

VALUES_AT_ONCE = 1 << 24
"""Most numbers of vectors in memory at once (64 MB), as they may be mapped from disk."""


def nearest_rows(
    vectors: NDArray[np.floating],
    queries: NDArray[np.float32],
    k: int,
    among: NDArray[np.int64] | None = None,
) -> Work[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Find the exact nearest vectors of each query.

    Args:
        vectors: (N, D) float32 or float16 unit rows; may be mapped.
        queries: (Q, D) float32 unit rows.
        k: Number of neighbors, at most N.
        among: Rows of `vectors` to search among; None for all.

    Returns:
        (Q, K) rows of `vectors`, or else places in `among`, most similar first, and (Q, K) cosine
        similarities.
    """
    count = len(vectors) if among is None else len(among)
    block_rows = max(k, VALUES_AT_ONCE // vectors.shape[1])
    rows = np.empty((len(queries), 0), np.int64)
    similarities = np.empty((len(queries), 0), np.float32)
    for start in range(0, count, block_rows):
        part = slice(start, start + block_rows)
        block = np.ascontiguousarray(vectors[part if among is None else among[part]], np.float32)
        scores, places = faiss.knn(queries, block, min(k, len(block)), faiss.METRIC_INNER_PRODUCT)
        rows = np.concatenate([rows, places + start], axis=1)
        similarities = np.concatenate([similarities, scores], axis=1)
        if start:
            order = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
            rows = np.take_along_axis(rows, order, axis=1)
            similarities = np.take_along_axis(similarities, order, axis=1)
        yield Progress(start + len(block), count, "searching exactly")
    return rows, similarities
