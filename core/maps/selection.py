"""Which points of a map lie inside a shape drawn around them.

Shapes, in this file: N points, M corners of a polygon. No browser sends the points themselves:
at 100,000 they would be megabytes, a polygon is a kilobyte.
"""

import numpy as np
from numpy.typing import NDArray


def in_polygon(points: NDArray[np.float32], polygon: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which points a closed polygon encloses, by the even-odd rule.

    A point is inside when a ray from it to the right crosses an odd number of edges, so where a
    lasso crosses itself, what it encloses twice is outside: the rule of the map in the browser too.
    A point exactly on an edge may count either way.

    Args:
        points: (N, 2), x and y in map units.
        polygon: (M, 2), the corners in order, in map units; the last is joined to the first.

    Returns:
        (N,) true where the point is inside; nowhere if there are fewer than three corners.
    """
    inside = np.zeros(len(points), np.bool_)
    corners = np.asarray(polygon, np.float64).reshape(-1, 2)
    if len(corners) < 3:
        return inside
    # Most points are far away: only those in the polygon's box can be in it
    near = np.flatnonzero(in_box(points, corners.min(axis=0), corners.max(axis=0)))
    x, y = points[near].astype(np.float64).T
    odd = np.zeros(len(near), np.bool_)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y0 == y1:  # a ray to the right runs along a level edge and never crosses it
            continue
        # Half-open, so that a corner shared by two edges is crossed once
        level = (y0 > y) != (y1 > y)
        odd ^= level & (x < x0 + (y - y0) * ((x1 - x0) / (y1 - y0)))
    inside[near] = odd
    return inside


def in_box(
    points: NDArray[np.float32], low: NDArray[np.float64], high: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return which points lie in a box, its edges included.

    Args:
        points: (N, 2), x and y in map units.
        low: (2,) the smaller x and y.
        high: (2,) the larger x and y.

    Returns:
        (N,) true where the point is inside.
    """
    x, y = points.T
    inside: NDArray[np.bool_] = (x >= low[0]) & (x <= high[0]) & (y >= low[1]) & (y <= high[1])
    return inside
