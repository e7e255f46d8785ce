"""How densely points lie on a map, as a grid that contours are drawn from.

Shapes, in this file: N points, G cells a side.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

CELLS = 96
MARGIN = 0.15
"""Beyond the outermost points, as a share of the map's width; contours close there."""


@dataclass(frozen=True, slots=True, eq=False)
class Density:
    """A grid over a map."""

    x: NDArray[np.float32]
    """(G,) middles of the cells, in map units."""

    y: NDArray[np.float32]
    """(G,) likewise."""

    values: NDArray[np.float32]
    """(G, G) by y and x: density as a share of the greatest, in [0, 1]."""


def density(points: NDArray[np.float32]) -> Density:
    """Estimate the density of (N, 2) points: a histogram under a Gaussian (Wand 1994).

    Its width is that of Scott's rule (1992): the spread of the points · N^(-1/6).
    """
    low, high = points.min(axis=0).astype(np.float64), points.max(axis=0).astype(np.float64)
    margin = MARGIN * np.where(high > low, high - low, 1)
    low, high = low - margin, high + margin
    ranges = [(low[0], high[0]), (low[1], high[1])]
    counts, x, y = np.histogram2d(points[:, 0], points[:, 1], bins=CELLS, range=ranges)
    width = len(points) ** (-1 / 6) * points.std(axis=0) / ((high - low) / CELLS)
    # Scott's rule is for one hump; a map has many, so half of it
    smooth = gaussian_filter(counts.T, 0.5 * width[::-1])
    return Density(_middles(x), _middles(y), (smooth / smooth.max()).astype(np.float32))


def _middles(edges: NDArray[Any]) -> NDArray[np.float32]:
    middles: NDArray[np.float32] = ((edges[1:] + edges[:-1]) / 2).astype(np.float32)
    return middles
