"""The exact neighbors that approximate ones are held to, without a copy of the vectors.

Shapes, in this file: N vectors, Q queries, D embedding dimensions, K neighbors.
"""

import faiss
import numpy as np
from numpy.typing import NDArray

from core.progress import Progress, Work

BLOCK = 1 << 16
"""Vectors that are compared together, so that mapped ones are not all in memory at once."""


def nearest_rows(
    vectors: NDArray[np.float32], queries: NDArray[np.float32], k: int
) -> Work[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Compare every query with every vector.

    Args:
        vectors: (N, D) float32 unit rows; may be mapped.
        queries: (Q, D) float32 unit rows.
        k: Neighbors wanted, at most N.

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
    """Return the nearest rows so far, after some more vectors were compared.

    Args:
        rows: (Q, at most k) the nearest of those before, most similar first.
        similarities: Theirs.
        queries: (Q, D) float32 unit rows.
        block: (B, D) float32 unit rows.
        start: The row of the first of them.
        k: Neighbors wanted.
    """
    found, places = faiss.knn(queries, block, min(k, len(block)), faiss.METRIC_INNER_PRODUCT)
    rows = np.concatenate([rows, places + start], axis=1)
    similarities = np.concatenate([similarities, found], axis=1)
    if rows.shape[1] == found.shape[1]:
        return rows, similarities
    order = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(rows, order, axis=1), np.take_along_axis(similarities, order, axis=1)
