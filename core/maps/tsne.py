"""t-SNE by openTSNE, in steps so that it can be watched and stopped.

Shapes, in this file: N images, P points already on a map, C map dimensions, K neighbors.
"""

import numpy as np
from numpy.typing import NDArray

from core.maps.config import MapConfig
from core.maps.neighbors import Neighbors
from core.progress import Progress, Work

EXAGGERATED, REST = 250, 500
"""Iterations: openTSNE's defaults. In the first, what draws is exaggerated."""

EXAGGERATION = 12.0
STEP = 25
START_SPREAD = 1e-4
"""Standard deviation of the start's first axis (Kobak & Berens 2019)."""

MANY_IMAGES = 10_000
"""From here on interpolation (FIt-SNE) is quicker than a tree (Barnes-Hut); openTSNE's own."""

VOTERS = 25
"""Neighbors of which the middle is taken for a new image, openTSNE's default."""


def num_neighbors(perplexity: float, count: int) -> int:
    """Return how many neighbors t-SNE wants of each of `count` images: three times perplexity."""
    return min(int(3 * perplexity), count - 1)


def lay_out(
    start: NDArray[np.float32], neighbors: Neighbors, config: MapConfig
) -> Work[NDArray[np.float32]]:
    """Lay points out by t-SNE (van der Maaten & Hinton 2008; Poličar, Stražar & Zupan 2019).

    Args:
        start: (N, C) where they are at first, to any scale: the principal components.
        neighbors: (N, `num_neighbors`).
        config: Of these `perplexity`, `metric` and `seed` count.

    Returns:
        (N, C) float32 in map units.
    """
    import openTSNE  # Loads compiled code of its own
    from openTSNE.affinity import PerplexityBasedNN
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    many = len(start) >= MANY_IMAGES
    wanted = num_neighbors(config.perplexity, len(start))
    near = neighbors.first(wanted)
    affinities = PerplexityBasedNN(
        perplexity=wanted / 3,
        knn_index=PrecomputedNeighbors(
            near.rows.astype(np.int64), near.distances(config.metric).astype(np.float64)
        ),
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
    """Place new images at the middle of their neighbors, as openTSNE begins its own `transform`.

    Args:
        points: (P, C) float32, the map, which stays as it is.
        neighbors: (N, K) rows of `points` that are nearest to each new image.

    Returns:
        (N, C) float32: the median of the nearest 25, which unlike a mean lies in one of two groups.
    """
    middle: NDArray[np.float32] = np.median(points[neighbors.first(VOTERS).rows], axis=1)
    return middle.astype(np.float32)
