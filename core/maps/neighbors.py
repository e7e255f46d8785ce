"""Nearest neighbors in the embedding space, for the layout and the quality of maps.

Shapes, in this file: N images, D embedding dimensions, K neighbors.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.maps.config import MapMetric
from core.progress import Work


@dataclass(frozen=True, slots=True, eq=False)
class Neighbors:
    """Nearest neighbors of each image, the nearest first."""

    rows: NDArray[np.int32]
    """(N, K) rows of the embeddings, without the image itself."""

    similarities: NDArray[np.float32]
    """(N, K) cosine similarities in [-1, 1], descending."""

    def first(self, k: int) -> "Neighbors":
        """Return the nearest `k` neighbors."""
        return Neighbors(self.rows[:, :k], self.similarities[:, :k])

    def distances(self, metric: MapMetric) -> NDArray[np.float32]:
        """Return (N, K) distances: 1 - cosine in [0, 2], or euclidean between unit rows."""
        cosine = np.clip(1 - self.similarities, 0, 2)
        return np.sqrt(2 * cosine) if metric == MapMetric.EUCLIDEAN else cosine


def find_neighbors(vectors: NDArray[np.float32], k: int) -> Work[Neighbors]:
    """Find the `k` nearest neighbors, at most N - 1, of each of (N, D) unit rows."""
    from core.indexes.neighbors import nearest_others  # Loads FAISS, which a page must not

    return Neighbors(*(yield from nearest_others(vectors, k)))
