"""Probe of an index by its own images before it is published: does it find what it holds?

Shapes, in this file: N embedded images, Q probes, D embedding dimensions, K results.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.embeddings.exact_search import nearest_rows
from core.embeddings.files import Embeddings
from core.indexes.faiss_store import FaissStore
from core.indexes.info import RECALL
from core.indexes.store import UnfitIndexError, VectorStore
from core.metrics.measures import RANKS
from core.progress import Progress, Work

NUM_PROBES = 200
MIN_FOUND = 0.9
"""Smallest share of probes that must find themselves: approximate indexes miss some."""

NEAR = 0.1
"""A first result that is as near as this share of the mean distance of two images counts, too:
codes do not tell frames of one video apart."""

SAME = 1e-5
"""Difference of two similarities that differ by rounding only."""

MAX_ERROR = 0.5
"""Largest mean error of the similarities. After a projection to a quarter of the dimensions it is
0.1, for codes of 4 bits 0.3 at most; scores that are no similarities are wrong by 1 or more."""


def probe(
    store: VectorStore,
    embeddings: Embeddings,
    added: NDArray[np.int64] | None = None,
    seed: int = 0,
) -> Work[dict[str, Any]]:
    """Search an index by some of the images that it holds.

    Each must be found: itself among the first 10, or nearly the same image first. Recall is the
    share of the 10 nearest other images, by exact search, that the index returns.

    Args:
        store: The index.
        embeddings: Those that it was built from.
        added: (B,) catalog ids that were added last, which are probed, too; None for none.
        seed: Draws the images.

    Returns:
        Facts for the summary: for an approximate index, `RECALL`.

    Raises:
        UnfitIndexError: Too many images are not found, or the similarities are none.
        WorkbenchError: The index cannot be searched.
    """
    among = np.flatnonzero(store.holds(embeddings.image_ids))
    if not len(among):
        return {}
    new, others = _draw(embeddings, among, added, np.random.default_rng(seed))
    queries = np.ascontiguousarray(embeddings.vectors[np.concatenate([new, others])], np.float32)
    yield Progress(0, 0, "probing the index")
    similarities = [
        np.asarray(embeddings.vectors[embeddings.rows_of(matches.image_ids)] @ query)
        for matches, query in zip(store.search(queries, RANKS + 1), queries, strict=True)
    ]
    own = np.einsum("ij,ij->i", queries, queries)
    distances = [limit - each for limit, each in zip(own, similarities, strict=True)]
    near = _near(queries)
    _check_found(distances[: len(new)], near)
    _check_found(distances, near)
    if isinstance(store, FaissStore):
        _check_estimates(store, queries, similarities)
    if store.is_exact or len(among) < 2:
        return {}
    k = min(RANKS, len(among) - 1)
    _, exact = yield from nearest_rows(embeddings.vectors, queries, k + 1, among)
    return {RECALL: _recall(distances, own - exact[:, -1], k)}


def _draw(
    embeddings: Embeddings,
    among: NDArray[np.int64],
    added: NDArray[np.int64] | None,
    draw: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return distinct rows of the embeddings: of added images, and of any."""
    is_new = np.isin(embeddings.image_ids[among], [] if added is None else added)
    new = draw.permutation(among[is_new])[: NUM_PROBES // 2]
    return new, draw.permutation(np.setdiff1d(among, new))[: NUM_PROBES - len(new)]


def _check_estimates(
    store: FaissStore, queries: NDArray[np.float32], similarities: list[NDArray[np.float32]]
) -> None:
    """Raise `UnfitIndexError` unless the scores of the index are cosine similarities.

    `similarities` are the true ones of each query with its results.
    """
    scores, rows = store.nearest(queries, min(RANKS + 1, store.count))
    estimates, exact = scores[rows >= 0], np.concatenate(similarities)
    if estimates.shape != exact.shape or not np.abs(estimates - exact).mean() <= MAX_ERROR:
        raise UnfitIndexError(
            f"This index gives similarities from {estimates.min(initial=1):.3g} to "
            f"{estimates.max(initial=-1):.3g} that are not those of the images.",
            "Choose another kind of index, such as Flat, HNSW or SQ8.",
        )


def _near(queries: NDArray[np.float32]) -> float:
    """Return the distance up to which images are nearly the same, by the mean one of (Q, D) rows.

    Distances are differences of cosine similarities: 0 of an image from itself.
    """
    count = len(queries)
    mean = (float((queries @ queries.sum(axis=0)).sum()) - count) / max(1, count * (count - 1))
    return NEAR * (1 - mean)


def _check_found(distances: list[NDArray[np.float32]], near: float) -> None:
    """Raise `UnfitIndexError` if too few queries are found; `distances` are of their results."""
    found = sum(_has_itself(each[:RANKS]) or bool((each[:1] <= near).any()) for each in distances)
    if found < MIN_FOUND * len(distances):
        raise UnfitIndexError(
            f"This index finds only {found} of {len(distances)} of its own images.",
            "Choose another kind of index, or longer codes.",
        )


def _has_itself(distances: NDArray[np.float32]) -> bool:
    """Return whether a query is among its results, or an image of the same embedding."""
    return bool(distances.min(initial=1) <= SAME)


def _recall(distances: list[NDArray[np.float32]], last: NDArray[np.float32], k: int) -> float:
    """Return the share of the `k` nearest others that were found; equally near ones count, too.

    Args:
        distances: Of the results of each query.
        last: (Q,) the distance of each query's last neighbor by exact search.
        k: Number of neighbors, without the image itself.
    """
    hits = [
        min(k, int((each <= limit + SAME).sum()) - _has_itself(each))
        for each, limit in zip(distances, last, strict=True)
    ]
    return float(np.mean(hits)) / k
