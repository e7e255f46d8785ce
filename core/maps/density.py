"""Density of the points of a map on a grid, for contours.

Shapes, in this file: N points, G cells a side.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

CELLS = 96
MARGIN = 0.15
"""Width of the grid's margin around the points, as a share of the map's; contours close there."""


@dataclass(frozen=True, slots=True, eq=False)
class Density:
    """Density on a grid over a map."""

    x: NDArray[np.float32]
    """(G,) centers of the cells, in map units."""

    y: NDArray[np.float32]
    """(G,) centers of the cells, in map units."""

    values: NDArray[np.float32]
    """(G, G) by y and x: density relative to its maximum, in [0, 1]."""


def density(points: NDArray[np.float32]) -> Density:
    """Estimate the density of (N, 2) points by a smoothed histogram (Wand 1994).

    The bandwidth is half that of Scott's rule (1992), the standard deviation · N^(-1/6).
    """
    low, high = points.min(axis=0).astype(np.float64), points.max(axis=0).astype(np.float64)
    margin = MARGIN * np.where(high > low, high - low, 1)
    low, high = low - margin, high + margin
    ranges = [(low[0], high[0]), (low[1], high[1])]
    counts, x, y = np.histogram2d(points[:, 0], points[:, 1], bins=CELLS, range=ranges)
    width = len(points) ** (-1 / 6) * points.std(axis=0) / ((high - low) / CELLS)
    # Scott's rule assumes a single mode; a map has many, so half of it
    smooth = gaussian_filter(counts.T, 0.5 * width[::-1])
    return Density(_centers(x), _centers(y), (smooth / smooth.max()).astype(np.float32))


def _centers(edges: NDArray[Any]) -> NDArray[np.float32]:
    centers: NDArray[np.float32] = ((edges[1:] + edges[:-1]) / 2).astype(np.float32)
    return centers
