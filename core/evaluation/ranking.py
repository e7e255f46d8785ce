"""What each query finds, stretch by stretch, so that the rankings are never all in memory.

Shapes, in this file: N vectors, Q queries, B queries of a stretch, G gallery images, D embedding
dimensions, K ranks.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.embeddings.exact_search import with_block
from core.evaluation.protocol import RetrievalTask
from core.indexes.store import VectorStore

VALUES_AT_ONCE = 1 << 24
"""Numbers of gallery vectors in memory together (64 MB): all of them where they are few."""

QUERIES_AT_ONCE = 4096
RANKS_AT_ONCE = 1 << 21
"""Ranks of a stretch of queries; ten times as many bytes are in memory while they are measured."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """What some queries have found."""

    queries: slice
    """Which, of the trial's."""

    found: NDArray[np.int64]
    """(B, K) places in the trial's gallery, most similar first; -1 where nothing was found."""

    def classes(self, task: RetrievalTask) -> NDArray[np.int64]:
        """Return (B, K) the class of each image found, -1 where there is none."""
        return np.where(self.found < 0, -1, task.gallery_classes[self.found])


def rank_exactly(
    task: RetrievalTask,
    vectors: NDArray[np.floating],
    gallery_rows: NDArray[np.int64],
    query_rows: NDArray[np.int64],
    depth: int,
) -> Iterator[Stretch]:
    """Compare every query with the whole gallery.

    Args:
        task: Who asks, and who may be found.
        vectors: (N, D) float32 or float16 unit rows; may be mapped.
        gallery_rows: (G,) the row of each gallery image.
        query_rows: (Q,) the row of each query.
        depth: K, ranks wanted.

    Yields:
        The stretches, in the order of the queries.
    """
    wanted = min(depth + task.most_copies, len(gallery_rows))
    block_rows = max(wanted, VALUES_AT_ONCE // vectors.shape[1])
    for part in _stretches(len(query_rows), wanted, vectors.shape[1]):
        queries = np.ascontiguousarray(vectors[query_rows[part]], np.float32)
        rows = np.empty((len(queries), 0), np.int64)
        similarities = np.empty((len(queries), 0), np.float32)
        for start in range(0, len(gallery_rows), block_rows):
            places = gallery_rows[start : start + block_rows]
            block = np.ascontiguousarray(vectors[places], np.float32)
            rows, similarities = with_block(rows, similarities, queries, block, start, wanted)
        yield Stretch(part, _without_copies(task, part, rows, depth))


def rank_by_index(
    task: RetrievalTask, store: VectorStore, queries: NDArray[np.float32], depth: int
) -> Iterator[Stretch]:
    """Let an index search, as it searches for anybody.

    Args:
        task: Who asks, and who may be found.
        store: The index.
        queries: (Q, D) float32 unit rows.
        depth: K, ranks wanted.

    Yields:
        The stretches, in the order of the queries.
    """
    wanted = min(depth + task.most_copies, len(task.gallery_ids))
    for part in _stretches(len(queries), wanted, queries.shape[1]):
        matches = store.search(queries[part], wanted, subset=task.gallery_ids)
        rows = np.full((len(matches), wanted), -1, np.int64)
        for row, found in zip(rows, matches, strict=True):
            row[: len(found.image_ids)] = np.searchsorted(task.gallery_ids, found.image_ids)
        yield Stretch(part, _without_copies(task, part, rows, depth))


def agreement(found: Stretch, exact: Stretch, k: int) -> tuple[int, int]:
    """Return how many of the first k of the exact search an index found too, and of how many."""
    ours, theirs = found.found[:, :k], exact.found[:, :k]
    hits = (theirs[:, :, None] == ours[:, None, :]).any(axis=2) & (theirs >= 0)
    return int(hits.sum()), int((theirs >= 0).sum())


def _stretches(num_queries: int, num_ranks: int, dimension: int) -> Iterator[slice]:
    """Divide the queries so that their vectors and ranks fit in memory."""
    step = min(QUERIES_AT_ONCE, RANKS_AT_ONCE // num_ranks, VALUES_AT_ONCE // dimension)
    for start in range(0, num_queries, max(1, step)):
        yield slice(start, min(start + max(1, step), num_queries))


def _without_copies(
    task: RetrievalTask, part: slice, rows: NDArray[np.int64], depth: int
) -> NDArray[np.int64]:
    """Take out what has the query's own content, and return (B, depth) of the rest."""
    if task.most_copies:
        contents = np.where(rows < 0, -1, task.gallery_contents[rows])
        is_copy = contents == task.query_contents[part][:, None]
        order = np.argsort(is_copy, axis=1, kind="stable")
        rows = np.take_along_axis(np.where(is_copy, -1, rows), order, axis=1)
    filled = np.full((len(rows), depth), -1, np.int64)
    filled[:, : rows.shape[1]] = rows[:, :depth]
    return filled
