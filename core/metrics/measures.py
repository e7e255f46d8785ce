"""Retrieval measures of each query's ranking: mAP, recall, precision, nDCG, kNN accuracy, MRR.

An image is relevant if it has the query's class. R is the number of relevant images in the
gallery. A rank that the search left empty is a miss.

Shapes, in this file: Q queries, K ranks.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

EMPTY = -1
"""In place of a class: the search found no image for this rank."""

RANKS = 10
"""Ranks of the measures that epochs, models and indexes are compared by, such as mAP@10."""

Measured = dict[str, NDArray[np.float64]]
"""Name of a measure → (Q,) float64 in [0, 1]."""


def measure(
    retrieved: NDArray[np.int64],
    expected: NDArray[np.int64],
    num_relevant: NDArray[np.int64],
    ranks: Sequence[int],
    *,
    to_r: bool = True,
) -> Measured:
    """Return every measure of each query, under the name it is reported by.

    Args:
        retrieved: (Q, K) class of the image at each rank, `EMPTY` where there is none; K is at
            least the greatest of `ranks`.
        expected: (Q,) class of the query.
        num_relevant: (Q,) R, at least 1.
        ranks: Each k of the measures at k.
        to_r: Whether to add the measures over R ranks. Where R exceeds K, they cover K ranks, as if
            R were K.

    Raises:
        ValueError: A shape or count is wrong.
    """
    if retrieved.ndim != 2 or retrieved.shape[1] < max(ranks):
        raise ValueError(f"retrieved must be (Q, {max(ranks)} or more), got {retrieved.shape}")
    if (num_relevant < 1).any():
        raise ValueError("every query needs at least one relevant image in the gallery")
    relevant = retrieved == expected[:, None]
    precision = precision_by_rank(relevant)
    measured: Measured = {}
    for k in ranks:
        measured[f"map_at_{k}"] = average_precision(relevant, precision, num_relevant, k)
    for k in ranks:
        measured[f"recall_at_{k}"] = relevant[:, :k].any(axis=1).astype(np.float64)
    for k in ranks:
        measured[f"precision_at_{k}"] = precision[:, k - 1]
    for k in ranks:
        measured[f"ndcg_at_{k}"] = ndcg(relevant, num_relevant, k)
    for k in ranks:
        measured[f"knn_accuracy_at_{k}"] = (vote(retrieved[:, :k]) == expected).astype(np.float64)
    measured["mrr"] = reciprocal_rank(relevant)
    if to_r:
        measured |= _to_r(relevant, precision, num_relevant)
    return measured


def precision_by_rank(relevant: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return (…, K) precision@k for each k, in [0, 1] (Manning, Raghavan & Schütze 2008, 8.4).

    It is the share of relevant images among the first k ranks; `relevant` is (…, K).
    """
    hits = np.cumsum(relevant, axis=-1, dtype=np.int32)
    precision: NDArray[np.float64] = hits / np.arange(1, relevant.shape[-1] + 1)
    return precision


def average_precision(
    relevant: NDArray[np.bool_],
    precision: NDArray[np.float64],
    num_relevant: NDArray[np.int64],
    k: int,
) -> NDArray[np.float64]:
    """Return (Q,) AP@k in [0, 1], whose mean over queries is mAP@k.

    The sum of precision@i over the ranks i up to k that are relevant, over min(R, k): 1 where no
    ranking could do better (Manning, Raghavan & Schütze 2008, 8.4, cut off at k). `relevant` and
    `precision`, of `precision_by_rank`, are (Q, K); `num_relevant` is (Q,).
    """
    summed = np.einsum("qk,qk->q", precision[:, :k], relevant[:, :k].astype(np.float64))
    scores: NDArray[np.float64] = summed / np.minimum(num_relevant, k)
    return scores


def ndcg(
    relevant: NDArray[np.bool_], num_relevant: NDArray[np.int64], k: int
) -> NDArray[np.float64]:
    """Return (Q,) nDCG@k: each hit gains 1/log2(rank + 1), over what the best ranking would gain.

    A relevant image gains 1, any other nothing (Järvelin & Kekäläinen 2002, with the discount of
    scikit-learn's `ndcg_score`).
    """
    gains = 1 / np.log2(np.arange(2, k + 2))
    best = np.cumsum(gains)[np.minimum(num_relevant, k) - 1]
    scores: NDArray[np.float64] = relevant[:, :k] @ gains / best
    return scores


def reciprocal_rank(relevant: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return (Q,) 1 / the rank of the first relevant image, whose mean is MRR (Voorhees 1999).

    0 where there is none among the K ranks.
    """
    first = relevant.argmax(axis=1)
    scores: NDArray[np.float64] = np.where(relevant.any(axis=1), 1 / (first + 1), 0.0)
    return scores


def vote(retrieved: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (Q,) the class that most of (Q, K) nearest images have (Cover & Hart 1967).

    Of classes with as many, that of the nearest image wins. `EMPTY` where nothing was found at all.
    """
    if retrieved.shape[1] == 1:
        return retrieved[:, 0]
    num_keys = int(retrieved.max(initial=0)) + 2
    keys = np.arange(len(retrieved))[:, None] * num_keys + retrieved + 1
    _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    votes = np.where(retrieved == EMPTY, 0, counts[inverse.reshape(retrieved.shape)])
    first = votes.argmax(axis=1)[:, None]
    winners: NDArray[np.int64] = np.take_along_axis(retrieved, first, axis=1)[:, 0]
    return winners


def _to_r(
    relevant: NDArray[np.bool_], precision: NDArray[np.float64], num_relevant: NDArray[np.int64]
) -> Measured:
    """Return R-precision and mAP@R, which cover as many ranks as there are relevant images.

    R-precision is the share of hits among the first R ranks (Manning, Raghavan & Schütze 2008,
    8.4). mAP@R depends also on where among them the hits are: the sum of precision@i over the hits
    i up to R, over R (Musgrave, Belongie & Lim 2020).
    """
    depth = np.minimum(num_relevant, relevant.shape[1])
    within = relevant & (np.arange(relevant.shape[1]) < depth[:, None])
    return {
        "r_precision": within.sum(axis=1) / depth,
        "map_at_r": np.einsum("qk,qk->q", precision, within.astype(np.float64)) / depth,
    }


KS = (1, 5, RANKS)
BLOCK = 1024
"""Queries compared with all images at once, so that memory does not grow with Q²."""


def leave_one_out(embeddings: NDArray[np.float32], labels: NDArray[np.int64]) -> dict[str, float]:
    """Return the mean of each measure at ranks up to 10, over the images with a relevant image.

    `embeddings` are (Q, D) float32 unit rows of (Q,) `labels`. The names are those of `measure`,
    such as `map_at_10`; empty if no class has two images.
    """
    num_relevant = np.bincount(labels)[labels] - 1
    queries = num_relevant > 0
    if not queries.any():
        return {}
    depth = min(RANKS, len(labels) - 1)
    retrieved = np.full((len(labels), RANKS), EMPTY, np.int64)
    for start in range(0, len(labels), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(labels)))
        retrieved[rows, :depth] = labels[_nearest_others(embeddings, rows, depth)]
    measured = measure(retrieved[queries], labels[queries], num_relevant[queries], KS, to_r=False)
    return {name: float(values.mean()) for name, values in measured.items()}


def _nearest_others(
    embeddings: NDArray[np.float32], rows: NDArray[np.int64], depth: int
) -> NDArray[np.int64]:
    """Return (len(rows), depth) rows of the most similar other images, the best first."""
    distance = -(embeddings[rows] @ embeddings.T)
    distance[np.arange(len(rows)), rows] = np.inf  # An image never matches itself
    nearest = np.argpartition(distance, depth - 1, axis=1)[:, :depth]
    order = np.argsort(np.take_along_axis(distance, nearest, axis=1), axis=1, kind="stable")
    return np.take_along_axis(nearest, order, axis=1)
