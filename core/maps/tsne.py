"""t-SNE by openTSNE, step by step, so that it reports progress and can be canceled.

Shapes, in this file: N images, P points already on a map, C map dimensions, K neighbors.
"""

import numpy as np
from numpy.typing import NDArray

from core.indexes.neighbors import Neighbors
from core.maps.config import MapConfig, MapMetric
from core.progress import Progress, Work

EXAGGERATED, REST = 250, 500
"""Iterations with early exaggeration, and after it; openTSNE's defaults."""

EXAGGERATION = 12.0
STEP = 25
START_SPREAD = 1e-4
"""Standard deviation of the first axis of the start (Kobak & Berens 2019)."""

MANY_IMAGES = 10_000
"""From this number on, interpolation (FIt-SNE) is faster than Barnes-Hut; as in openTSNE."""

NUM_PLACING = 25
"""Neighbors whose median is the position of a new image, openTSNE's default."""


def num_neighbors(perplexity: float, count: int) -> int:
    """Return the number of neighbors of each of `count` images: three times the perplexity."""
    return min(int(3 * perplexity), count - 1)


def lay_out(
    start: NDArray[np.float32], neighbors: Neighbors, config: MapConfig
) -> Work[NDArray[np.float32]]:
    """Lay points out by t-SNE (van der Maaten & Hinton 2008; Poličar, Stražar & Zupan 2019).

    Args:
        start: (N, C) initial positions at any scale, the principal components.
        neighbors: (N, `num_neighbors`).
        config: Gives `perplexity`, `metric` and `seed`.

    Returns:
        (N, C) float32 in map units.
    """
    import openTSNE  # Loads compiled code
    from openTSNE.affinity import PerplexityBasedNN
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    many = len(start) >= MANY_IMAGES
    k = num_neighbors(config.perplexity, len(start))
    near = neighbors.first(k)
    distances = near.distances(euclidean=config.metric == MapMetric.EUCLIDEAN)
    affinities = PerplexityBasedNN(
        perplexity=k / 3,
        knn_index=PrecomputedNeighbors(near.rows.astype(np.int64), distances.astype(np.float64)),
        n_jobs=-1,
    )
    spread = float(start[:, 0].std()) or 1.0
    random = np.random.default_rng(config.seed)
    begin = START_SPREAD * (start / spread + random.normal(scale=0.01, size=start.shape))
    embedding = openTSNE.TSNEEmbedding(
        begin,
        affinities,
        negative_gradient_method="fft" if many and config.dimensions == 2 else "bh",
        n_jobs=-1,
        random_state=config.seed,
    )
    for done in range(0, EXAGGERATED + REST, STEP):
        yield Progress(done, EXAGGERATED + REST, "laying out the map")
        first = done < EXAGGERATED
        embedding.optimize(
            STEP,
            exaggeration=EXAGGERATION if first else 1,
            momentum=0.5 if first else 0.8,
            inplace=True,
            propagate_exception=True,
        )
    return np.asarray(embedding, np.float32)


def place(points: NDArray[np.float32], neighbors: Neighbors) -> NDArray[np.float32]:
    """Place new images at the median of their neighbors, the start of openTSNE's `transform`.

    Args:
        points: (P, C) float32, the map; it is not changed.
        neighbors: (N, K) rows of `points` nearest to each new image.

    Returns:
        (N, C) float32: the median of the 25 nearest, which lies in a group where the mean of two
        groups lies between them.
    """
    median: NDArray[np.float32] = np.median(points[neighbors.first(NUM_PLACING).rows], axis=1)
    return median.astype(np.float32)
