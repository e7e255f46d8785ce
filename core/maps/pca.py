"""Principal component analysis: the PCA map, and the start of the other methods.

Shapes, in this file: N images, D embedding dimensions, C map dimensions.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.embeddings.whitening import covariance


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """A projection onto principal components."""

    mean: NDArray[np.float64]
    """(D,)"""

    axes: NDArray[np.float64]
    """(C, D) unit rows, by descending variance."""

    explained: float
    """Share of the variance that the axes explain, in [0, 1]."""

    def project(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (N, C) float32 coordinates of (N, D) embeddings."""
        points: NDArray[np.float32] = ((vectors - self.mean) @ self.axes.T).astype(np.float32)
        return points


def fit(vectors: NDArray[np.float32], dimensions: int) -> Projection:
    """Return the projection onto the first principal components of (N, D) embeddings.

    The sign of an axis is arbitrary. Its largest component is made positive, so that the same
    embeddings always give the same map.
    """
    mean: NDArray[np.float64] = np.mean(vectors, axis=0, dtype=np.float64)
    values, columns = np.linalg.eigh(covariance(vectors, mean))
    axes = columns.T[::-1][:dimensions]
    signs = np.sign(np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1))
    total = values.sum()
    explained = float(values[::-1][:dimensions].sum() / total) if total > 0 else 1.0
    return Projection(mean, axes * signs, explained)
