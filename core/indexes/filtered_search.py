"""Search among some rows by searching all of them, for kinds of index that have no selectors.

Shapes, in this file: N rows of the index, Q queries, D embedding dimensions, K results.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

FaissResults: TypeAlias = tuple[NDArray[np.float32], NDArray[np.int64]]
"""(Q, K) scores by the metric of the index, and (Q, K) rows, -1 where there are no more."""

GROWTH = 4
"""Factor by which a search goes deeper if too few of the results are wanted."""

RESULTS_AT_ONCE = 1 << 22
"""Results in memory at once: 50 MB."""


def search_deeper(
    search: Callable[[NDArray[np.float32], int], FaissResults],
    queries: NDArray[np.float32],
    k: int,
    wanted: NDArray[np.bool_],
) -> FaissResults:
    """Search all rows, deeper until each of (Q, D) queries has `k` of the wanted ones.

    Args:
        search: Returns the nearest of all rows to some queries, as many as it is told.
        queries: (Q, D) float32.
        k: Number of results.
        wanted: (N,) which rows may be results.

    Returns:
        (Q, K) scores and (Q, K) rows; the scores where there are no more rows mean nothing.
    """
    scores = np.zeros((len(queries), k), np.float32)
    rows = np.full((len(queries), k), -1, np.int64)
    num_wanted, most = int(wanted.sum()), len(wanted)
    enough = min(k, num_wanted)
    depth = min(k + most - num_wanted, GROWTH * k, most)
    pending = np.arange(len(queries))
    while len(pending) and enough:
        lacking: list[int] = []
        at_once = max(1, RESULTS_AT_ONCE // depth)
        for start in range(0, len(pending), at_once):
            part = pending[start : start + at_once]
            for query, found, near in zip(part, *search(queries[part], depth), strict=True):
                fits = np.flatnonzero((near >= 0) & wanted[near])[:k]
                scores[query, : len(fits)], rows[query, : len(fits)] = found[fits], near[fits]
                if len(fits) < enough:
                    lacking.append(int(query))
        if depth == most:
            break
        pending, depth = np.array(lacking, np.int64), min(GROWTH * depth, most)
    return scores, rows
