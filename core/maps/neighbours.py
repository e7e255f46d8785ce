"""Each image's nearest others in the embedding space, which maps are laid out and judged by.

Finding them is the business of `neighbour_search.py`.

Shapes, in this file: N images, K neighbours.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.maps.config import MapMetric


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """The nearest others of each image, the nearest first."""

    rows: NDArray[np.int32]
    """(N, K) rows of the embeddings; never the image's own."""

    similarities: NDArray[np.float32]
    """(N, K) cosine similarities in [-1, 1], descending."""

    def first(self, k: int) -> "Neighbours":
        """Return the nearest `k` of them."""
        return Neighbours(self.rows[:, :k], self.similarities[:, :k])

    def distances(self, metric: MapMetric) -> NDArray[np.float32]:
        """Return (N, K) distances: 1 - cosine in [0, 2], or euclidean between unit rows."""
        cosine = np.clip(1 - self.similarities, 0, 2)
        return np.sqrt(2 * cosine) if metric == MapMetric.EUCLIDEAN else cosine
