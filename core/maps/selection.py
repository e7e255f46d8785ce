"""Selection of points on a map: inside a lasso or a box, and nearest to a point or to the center.

The browser sends the outline, a kilobyte, and not the selected points, megabytes at 100,000 images.

Shapes, in this file: N points, M corners of a polygon, C map dimensions, S selected points.
"""

import numpy as np
from numpy.typing import NDArray


def in_polygon(points: NDArray[np.float32], polygon: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which points lie inside a closed polygon, by the even-odd rule.

    A point is inside if a ray from it to the right crosses an odd number of edges. Where a lasso
    crosses itself, points enclosed twice are outside, as in the browser's map. A point exactly on
    an edge may count either way.

    Args:
        points: (N, 2), x and y in map units.
        polygon: (M, 2), the corners in order, in map units; the last one connects to the first.

    Returns:
        (N,) whether each point is inside; none is with fewer than three corners.
    """
    inside = np.zeros(len(points), np.bool_)
    corners = np.asarray(polygon, np.float64).reshape(-1, 2)
    if len(corners) < 3:
        return inside
    # Most points are far away: only points in the bounding box can be inside
    near = np.flatnonzero(in_box(points, corners.min(axis=0), corners.max(axis=0)))
    x, y = points[near].astype(np.float64).T
    odd = np.zeros(len(near), np.bool_)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y0 == y1:  # A ray to the right is parallel to a horizontal edge
            continue
        # Half-open, so that a corner shared by two edges is crossed once
        spans = (y0 > y) != (y1 > y)
        odd ^= spans & (x < x0 + (y - y0) * ((x1 - x0) / (y1 - y0)))
    inside[near] = odd
    return inside


def in_box(
    points: NDArray[np.float32], low: NDArray[np.float64], high: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return which points lie in a box, including its edges.

    Args:
        points: (N, 2), x and y in map units.
        low: (2,) the smaller x and y.
        high: (2,) the larger x and y.

    Returns:
        (N,) whether each point is inside.
    """
    x, y = points.T
    inside: NDArray[np.bool_] = (x >= low[0]) & (x <= high[0]) & (y >= low[1]) & (y <= high[1])
    return inside


def nearest_to(points: NDArray[np.float32], place: int, count: int) -> NDArray[np.int64]:
    """Return the places of the `count` points nearest to the one at `place`, in any order.

    Args:
        points: (N, C), in map units.
        place: Of the point, which is one of those returned.
        count: At most N are returned.
    """
    distances = np.square(points - points[place]).sum(axis=1)
    count = min(count, len(points))
    nearest: NDArray[np.int64] = np.argpartition(distances, count - 1)[:count]
    return nearest


def most_central(points: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Return the places of the `count` points of (S, C) nearest to their median, nearest first."""
    distances = np.square(points - np.median(points, axis=0)).sum(axis=1)
    nearest: NDArray[np.int64] = np.argsort(distances, kind="stable")[:count]
    return nearest
