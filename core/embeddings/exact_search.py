"""Exact search in blocks, without copying all vectors into memory.

Shapes, in this file: N vectors, Q queries, D embedding dimensions, K neighbors.
"""

import faiss
import numpy as np
from numpy.typing import NDArray

from core.progress import Progress, Work

BLOCK = 1 << 16
"""Vectors per block, as they may be mapped from disk."""


def nearest_rows(
    vectors: NDArray[np.float32], queries: NDArray[np.float32], k: int
) -> Work[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Find the exact nearest vectors of each query.

    Args:
        vectors: (N, D) float32 unit rows; may be mapped.
        queries: (Q, D) float32 unit rows.
        k: Number of neighbors, at most N.

    Returns:
        (Q, K) rows of `vectors`, most similar first, and (Q, K) cosine similarities.
    """
    rows = np.empty((len(queries), 0), np.int64)
    similarities = np.empty((len(queries), 0), np.float32)
    for start in range(0, len(vectors), BLOCK):
        block = np.ascontiguousarray(vectors[start : start + BLOCK], np.float32)
        rows, similarities = with_block(rows, similarities, queries, block, start, k)
        yield Progress(start + len(block), len(vectors), "searching exactly")
    return rows, similarities


def with_block(
    rows: NDArray[np.int64],
    similarities: NDArray[np.float32],
    queries: NDArray[np.float32],
    block: NDArray[np.float32],
    start: int,
    k: int,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Merge the nearest rows so far with those of one more block.

    Args:
        rows: (Q, at most k) the nearest rows of earlier blocks, most similar first.
        similarities: (Q, at most k) their similarities.
        queries: (Q, D) float32 unit rows.
        block: (B, D) float32 unit rows.
        start: Row of the first vector of the block.
        k: Number of neighbors.
    """
    scores, places = faiss.knn(queries, block, min(k, len(block)), faiss.METRIC_INNER_PRODUCT)
    rows = np.concatenate([rows, places + start], axis=1)
    similarities = np.concatenate([similarities, scores], axis=1)
    if rows.shape[1] == scores.shape[1]:
        return rows, similarities
    order = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(rows, order, axis=1), np.take_along_axis(similarities, order, axis=1)
