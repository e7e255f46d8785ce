"""UMAP by umap-learn, epoch by epoch, so that it reports progress and can be canceled.

`umap.UMAP.fit` is one call of a minute that also searches for neighbors and compiles. Here FAISS
finds the neighbors, the layout starts from the principal components, and compiled code is cached on
disk for the next process.

Shapes, in this file: N images, P points already on a map, C map dimensions, K neighbors, E edges.
"""

import functools
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix

from core.indexes.neighbors import Neighbors
from core.maps.config import MapConfig, MapMetric
from core.progress import Progress, Work

EXTENT = 10.0
"""Largest coordinate of the start, as in umap-learn, whose step sizes assume it."""

NOISE = 1e-4
"""Standard deviation of the noise added to the start, as in umap-learn: equal points would never
separate."""

MANY_IMAGES = 10_000
EPOCHS, EPOCHS_OF_MANY = 500, 200
"""Epochs of the layout, as in umap-learn."""

PLACING = 5
"""The layout's epochs divided by this are enough to place new points."""

NEGATIVE_SAMPLES = 5
"""Points that each step repels, umap-learn's default."""

NO_LABEL = -1


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """E edges between points that attract each other, sampled by their probability."""

    heads: NDArray[np.int32]
    """(E,) points that move."""

    tails: NDArray[np.int32]
    """(E,) points that attract them."""

    epochs_between: NDArray[np.float64]
    """(E,) epochs between two samples of an edge, at least 1."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Number of epochs and learning rate of a layout."""

    num_epochs: int
    rate: float = 1.0
    """Learning rate of the first epoch; it decreases to 0. umap-learn's is 1."""


def default_schedule(count: int) -> Schedule:
    """Return umap-learn's schedule for `count` points."""
    return Schedule(EPOCHS if count <= MANY_IMAGES else EPOCHS_OF_MANY)


def spread(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (N, C) principal components scaled to map units, the start of a layout."""
    return EXTENT * points / np.float32(np.abs(points).max() or 1)


def lay_out(
    start: NDArray[np.float32],
    neighbors: Neighbors,
    config: MapConfig,
    labels: NDArray[np.int64],
    schedule: Schedule | None = None,
) -> Work[NDArray[np.float32]]:
    """Lay points out by UMAP (McInnes, Healy & Melville 2018).

    Args:
        start: (N, C) initial positions in map units, see `spread`.
        neighbors: (N, at least `config.neighbors` - 1).
        config: Gives `neighbors`, `min_dist`, `metric`, `supervision` and `seed`.
        labels: (N,) class numbers, or `NO_LABEL`.
        schedule: Epochs and learning rate; umap-learn's by default.

    Returns:
        (N, C) float32 in map units.
    """
    schedule = schedule or default_schedule(len(start))
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
    """Place new images on a map as umap-learn's `transform` does.

    Args:
        points: (P, C) float32, the map; it is not changed.
        neighbors: (N, K) rows of `points` nearest to each new image.
        config: The settings of the map.

    Returns:
        (N, C) float32 in map units.
    """
    umap = _umap()
    distances = neighbors.distances(euclidean=config.metric == MapMetric.EUCLIDEAN)
    sigmas, rhos = umap.umap_.smooth_knn_dist(distances, float(distances.shape[1]), 64, 0.0)
    rows, columns, values, _ = umap.umap_.compute_membership_strengths(
        neighbors.rows.astype(np.int64), distances, sigmas, rhos, False, True
    )
    weights = csr_matrix((values, (rows, columns)), (len(distances), len(points)))
    start = np.asarray(weights @ points / np.maximum(weights.sum(axis=1), 1e-12), np.float32)
    schedule = Schedule(default_schedule(len(points)).num_epochs // PLACING)
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
    """Return (N, N) probabilities that images are neighbors, weighted by labels if supervised."""
    umap = _umap()
    near = neighbors.first(config.neighbors - 1)
    count = len(near.rows)
    own = np.arange(count, dtype=np.int32)[:, None]
    rows = np.hstack([own, near.rows]).astype(np.int64)
    others = near.distances(euclidean=config.metric == MapMetric.EUCLIDEAN)
    distances = np.hstack([np.zeros((count, 1), np.float32), others])
    unread = np.empty((count, 1), np.float32)  # The embeddings, whose neighbors are known
    weights, _, _ = umap.umap_.fuzzy_simplicial_set(
        unread, rows.shape[1], random, str(config.metric), knn_indices=rows, knn_dists=distances
    )
    if config.supervision and (labels != NO_LABEL).any():
        far = 2.5 / (1 - config.supervision) if config.supervision < 1 else 1e12
        weights = umap.umap_.discrete_metric_simplicial_set_intersection(
            weights, labels, far_dist=far
        )
        weights = umap.umap_.reset_local_connectivity(weights)
    return weights.tocoo()


def _edges(weights: coo_matrix, num_epochs: int) -> Graph:
    """Return the edges that would be sampled at least once, as in umap-learn."""
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
    """Move `points` in place, epoch by epoch, as in umap-learn's `optimize_layout_euclidean`."""
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
    """Import umap-learn with a disk cache of its compiled code, which saves seconds later."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImportWarning)  # TensorFlow is not needed
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
