"""Rankings of the gallery, in blocks of queries so that they need not all fit in memory.

Shapes, in this file: N vectors, Q queries, B queries of a block, G gallery images, D embedding
dimensions, K ranks.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.embeddings.exact_search import VALUES_AT_ONCE, nearest_rows
from core.evaluation.protocol import RetrievalTask
from core.indexes.store import VectorStore
from core.progress import finish

QUERIES_AT_ONCE = 4096
RANKS_AT_ONCE = 1 << 21
"""Most ranks of a block of queries; measuring them needs ten times as many bytes."""


@dataclass(frozen=True, slots=True)
class RankedBlock:
    """Rankings of a block of queries."""

    queries: slice
    """The queries of the task in this block."""

    ranked: NDArray[np.int64]
    """(B, K) places in the task's gallery, most similar first; -1 at empty ranks."""

    def classes(self, task: RetrievalTask) -> NDArray[np.int64]:
        """Return (B, K) class numbers of the ranked images, -1 at empty ranks."""
        return np.where(self.ranked < 0, -1, task.gallery_classes[self.ranked])


def rank_exactly(
    task: RetrievalTask,
    vectors: NDArray[np.floating],
    gallery_rows: NDArray[np.int64],
    query_rows: NDArray[np.int64],
    depth: int,
) -> Iterator[RankedBlock]:
    """Rank the gallery by exact search.

    Args:
        task: The queries and the gallery.
        vectors: (N, D) float32 or float16 unit rows; may be memory-mapped.
        gallery_rows: (G,) rows of the gallery images.
        query_rows: (Q,) rows of the queries.
        depth: K, number of ranks.

    Yields:
        Blocks in the order of the queries.
    """
    k = min(depth + task.max_copies, len(gallery_rows))
    for part in _query_blocks(len(query_rows), k, vectors.shape[1]):
        queries = np.ascontiguousarray(vectors[query_rows[part]], np.float32)
        rows, _ = finish(nearest_rows(vectors, queries, k, gallery_rows))
        yield RankedBlock(part, _without_copies(task, part, rows, depth))


def rank_by_index(
    task: RetrievalTask, store: VectorStore, queries: NDArray[np.float32], depth: int
) -> Iterator[RankedBlock]:
    """Rank the gallery by a search of an index for (Q, D) float32 unit rows, at `depth` ranks (K).

    Yields:
        Blocks in the order of the queries.
    """
    k = min(depth + task.max_copies, len(task.gallery_ids))
    for part in _query_blocks(len(queries), k, queries.shape[1]):
        matches = store.search(queries[part], k, subset=task.gallery_ids)
        rows = np.full((len(matches), k), -1, np.int64)
        for row, of_query in zip(rows, matches, strict=True):
            row[: len(of_query.image_ids)] = np.searchsorted(task.gallery_ids, of_query.image_ids)
        yield RankedBlock(part, _without_copies(task, part, rows, depth))


def index_recall(searched: Iterable[RankedBlock], exact: Iterable[RankedBlock], k: int) -> float:
    """Return the share of the first k results of exact search that an index found among its k."""
    num_found = num_exact = 0
    for ours, theirs in zip(searched, exact, strict=True):
        first, exact_first = ours.ranked[:, :k], theirs.ranked[:, :k]
        found = (exact_first[:, :, None] == first[:, None, :]).any(axis=2) & (exact_first >= 0)
        num_found += int(found.sum())
        num_exact += int((exact_first >= 0).sum())
    return num_found / max(1, num_exact)


def _query_blocks(num_queries: int, num_ranks: int, dimension: int) -> Iterator[slice]:
    """Split the queries into blocks whose vectors and ranks fit in memory."""
    step = min(QUERIES_AT_ONCE, RANKS_AT_ONCE // num_ranks, VALUES_AT_ONCE // dimension)
    for start in range(0, num_queries, max(1, step)):
        yield slice(start, min(start + max(1, step), num_queries))


def _without_copies(
    task: RetrievalTask, part: slice, rows: NDArray[np.int64], depth: int
) -> NDArray[np.int64]:
    """Remove images with the content of the query, and return (B, depth) of the rest."""
    if task.max_copies:
        contents = np.where(rows < 0, -1, task.gallery_contents[rows])
        is_copy = contents == task.query_contents[part][:, None]
        order = np.argsort(is_copy, axis=1, kind="stable")
        rows = np.take_along_axis(np.where(is_copy, -1, rows), order, axis=1)
    filled = np.full((len(rows), depth), -1, np.int64)
    filled[:, : rows.shape[1]] = rows[:, :depth]
    return filled
