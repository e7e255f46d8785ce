"""UMAP, laid out step by step: umap-learn's own parts, so that it can be watched and stopped.

`umap.UMAP.fit` is one call of a minute that also searches for neighbors and compiles. Here the
neighbors are FAISS's, the layout starts from the principal components, and what is compiled is
kept on disk for the next process.

Shapes, in this file: N images, P points already on a map, C map dimensions, K neighbors, E edges.
"""

import functools
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix

from core.maps.config import MapConfig
from core.maps.neighbors import Neighbors
from core.progress import Progress, Work

EXTENT = 10.0
"""Largest coordinate of the start, umap-learn's own: the layout's steps are made for it."""

NOISE = 1e-4
"""Spread of what is added to the start, umap-learn's own: twins would never part."""

MANY_IMAGES = 10_000
EPOCHS, EPOCHS_OF_MANY = 500, 200
"""umap-learn's own: more than that moves little."""

PLACING = 5
"""Of a layout's epochs one in so many is enough to place new points among others that stay."""

NEGATIVE_SAMPLES = 5
"""Points that each step pushes away, umap-learn's default."""

NO_LABEL = -1


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """Which points draw each other, and how often: E edges, the more probable the more often."""

    heads: NDArray[np.int32]
    """(E,) the point that moves."""

    tails: NDArray[np.int32]
    """(E,) the point it is drawn to."""

    epochs_between: NDArray[np.float64]
    """(E,) epochs from one use to the next, at least 1."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how far points move."""

    num_epochs: int
    rate: float = 1.0
    """Of the first epoch; it falls to 0. umap-learn's is 1."""


def usual(count: int) -> Schedule:
    """Return umap-learn's schedule for `count` points."""
    return Schedule(EPOCHS if count <= MANY_IMAGES else EPOCHS_OF_MANY)


def spread(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (N, C) principal components in map units, to begin a layout with."""
    return EXTENT * points / np.float32(np.abs(points).max() or 1)


def lay_out(
    start: NDArray[np.float32],
    neighbors: Neighbors,
    config: MapConfig,
    labels: NDArray[np.int64],
    schedule: Schedule | None = None,
) -> Work[NDArray[np.float32]]:
    """Lay points out so that neighbors lie together (McInnes, Healy & Melville 2018).

    Args:
        start: (N, C) where they are at first, in map units; see `spread`.
        neighbors: (N, at least `config.neighbors` - 1).
        config: Of these `neighbors`, `min_dist`, `metric`, `supervision` and `seed` count.
        labels: (N,) category numbers, `NO_LABEL` where there is none.
        schedule: umap-learn's own without one.

    Returns:
        (N, C) float32 in map units.
    """
    schedule = schedule or usual(len(start))
    random = np.random.RandomState(config.seed)
    yield Progress(0, schedule.num_epochs, "weighing neighbors")
    weights = _weights(neighbors, config, labels, random)
    graph = _edges(weights, schedule.num_epochs)
    noise = random.normal(scale=NOISE, size=start.shape)
    points: NDArray[np.float32] = (start + noise).astype(np.float32)
    yield from _optimize(points, points, graph, schedule, config, moves_both=True)
    return points


def place(
    points: NDArray[np.float32], neighbors: Neighbors, config: MapConfig
) -> NDArray[np.float32]:
    """Place new images on a map that stays as it is: umap-learn's `transform`.

    Args:
        points: (P, C) float32, the map.
        neighbors: (N, K) rows of `points` that are nearest to each new image.
        config: What the map was laid out with.

    Returns:
        (N, C) float32 in map units.
    """
    umap = _umap()
    distances = neighbors.distances(config.metric)
    sigmas, rhos = umap.umap_.smooth_knn_dist(distances, float(distances.shape[1]), 64, 0.0)
    rows, columns, values, _ = umap.umap_.compute_membership_strengths(
        neighbors.rows.astype(np.int64), distances, sigmas, rhos, False, True
    )
    weights = csr_matrix((values, (rows, columns)), (len(distances), len(points)))
    start = np.asarray(weights @ points / np.maximum(weights.sum(axis=1), 1e-12), np.float32)
    schedule = Schedule(usual(len(points)).num_epochs // PLACING)
    graph = _edges(weights.tocoo(), schedule.num_epochs)
    for _ in _optimize(start, points, graph, schedule, config, moves_both=False):
        pass
    return start


def _weights(
    neighbors: Neighbors,
    config: MapConfig,
    labels: NDArray[np.int64],
    random: np.random.RandomState,
) -> coo_matrix:
    """Return (N, N) how surely each two are neighbors, and of one category where that counts."""
    umap = _umap()
    near = neighbors.first(config.neighbors - 1)
    count = len(near.rows)
    own = np.arange(count, dtype=np.int32)[:, None]
    rows = np.hstack([own, near.rows]).astype(np.int64)
    distances = np.hstack([np.zeros((count, 1), np.float32), near.distances(config.metric)])
    nothing = np.empty((count, 1), np.float32)  # The embeddings: with neighbors given, not read
    weights, _, _ = umap.umap_.fuzzy_simplicial_set(
        nothing, rows.shape[1], random, str(config.metric), knn_indices=rows, knn_dists=distances
    )
    if config.supervision and (labels != NO_LABEL).any():
        far = 2.5 / (1 - config.supervision) if config.supervision < 1 else 1e12
        weights = umap.umap_.discrete_metric_simplicial_set_intersection(
            weights, labels, far_dist=far
        )
        weights = umap.umap_.reset_local_connectivity(weights)
    return weights.tocoo()


def _edges(weights: coo_matrix, num_epochs: int) -> Graph:
    """Leave out what would not be used once, as umap-learn does."""
    weights.sum_duplicates()
    used = weights.data >= weights.data.max() / num_epochs
    probabilities = weights.data[used].astype(np.float64)
    return Graph(
        weights.row[used].astype(np.int32),
        weights.col[used].astype(np.int32),
        probabilities.max() / probabilities,
    )


def _optimize(
    points: NDArray[np.float32],
    others: NDArray[np.float32],
    graph: Graph,
    schedule: Schedule,
    config: MapConfig,
    *,
    moves_both: bool,
) -> Work[None]:
    """Move `points` in place, an epoch at a time; the loop of `optimize_layout_euclidean`."""
    umap = _umap()
    a, b = umap.umap_.find_ab_params(1.0, config.min_dist)
    random = np.random.default_rng(config.seed)
    states = random.integers(-(2**31) + 1, 2**31 - 1, (len(points), 3))
    between_pushes = graph.epochs_between / NEGATIVE_SAMPLES
    next_push, next_pull = between_pushes.copy(), graph.epochs_between.copy()
    unused = np.zeros(1, np.float32)  # densMAP's
    num_epochs = schedule.num_epochs
    for epoch in range(num_epochs):
        umap.layouts._nb_optimize_layout_euclidean_single_epoch(
            points,
            others,
            graph.heads,
            graph.tails,
            len(others),
            graph.epochs_between,
            a,
            b,
            states,
            1.0,
            points.shape[1],
            moves_both,
            schedule.rate * (1.0 - epoch / num_epochs),
            between_pushes,
            next_push,
            next_pull,
            epoch,
            False,
            unused,
            unused,
            0,
            0,
            0,
            0,
            unused,
            unused,
            0,
        )
        yield Progress(epoch + 1, num_epochs, "laying out the map")


@functools.cache
def _umap() -> Any:
    """Return umap-learn, with what it compiles kept on disk: seconds less in the next process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImportWarning)  # Tensorflow is not wanted
        import umap
        import umap.layouts
        import umap.umap_
    for compiled in (
        umap.layouts.clip,
        umap.layouts._nb_optimize_layout_euclidean_single_epoch,
        umap.umap_.smooth_knn_dist,
        umap.umap_.compute_membership_strengths,
        umap.umap_.fast_intersection,
        umap.umap_.reset_local_metrics,
        umap.umap_.reprocess_row,
    ):
        compiled.enable_caching()
    return umap
