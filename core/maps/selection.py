"""Selection of points on a map: inside a lasso or a box, or nearest; its summary and CSV export.

The browser sends the outline, a kilobyte, and not the selected points, megabytes at 100,000 images.

Shapes, in this file: N points, M corners of a polygon, C map dimensions, S selected points, K
neighbors.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.datasets.columns import ImageRow
from core.indexes.neighbors import Neighbors


def in_polygon(points: NDArray[np.float32], polygon: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which of (N, 2) points lie inside a closed polygon, by the even-odd rule.

    A point is inside if a ray from it to the right crosses an odd number of edges. Where a lasso
    crosses itself, points enclosed twice are outside, as in the browser's map. A point exactly on
    an edge may count either way. None is inside with fewer than three corners.

    Args:
        points: (N, 2), x and y in map units.
        polygon: (M, 2), the corners in order, in map units; the last one connects to the first.
    """
    inside = np.zeros(len(points), np.bool_)
    corners = np.asarray(polygon, np.float64).reshape(-1, 2)
    if len(corners) < 3:
        return inside
    # Most points are far away: only points in the bounding box can be inside
    near = np.flatnonzero(in_box(points, corners.min(axis=0), corners.max(axis=0)))
    near = near[np.argsort(points[near, 1], kind="stable")]
    x, y = points[near].astype(np.float64).T
    odd = np.zeros(len(near), np.bool_)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        # Half-open, so that a corner shared by two edges is crossed once; none is crossed by an
        # edge that is parallel to the ray
        first, end = np.searchsorted(y, (min(y0, y1), max(y0, y1)))
        if first < end:
            here = slice(first, end)  # In the order of y, an edge passes few of the points
            odd[here] ^= x[here] < x0 + (y[here] - y0) * ((x1 - x0) / (y1 - y0))
    inside[near] = odd
    return inside


def in_box(
    points: NDArray[np.float32], low: NDArray[np.float64], high: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return which (N, 2) points lie in a box or on its edges, from (2,) `low` to (2,) `high`."""
    x, y = points.T
    inside: NDArray[np.bool_] = (x >= low[0]) & (x <= high[0]) & (y >= low[1]) & (y <= high[1])
    return inside


def nearest_to(points: NDArray[np.float32], place: int, count: int) -> NDArray[np.int64]:
    """Return the places of the `count` points of (N, C) nearest to one of them, at `place`.

    They are in any order, at most N, and include that point itself.
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


RANKS = 10
"""Neighbors that precision is measured over."""

COLUMNS = ("image_id", "path", "label", "split", "knn_vote", "neighborhood_preservation")


@dataclass(frozen=True, slots=True)
class SelectionSummary:
    """Classes of the selected images and their retrieval among all images of the map."""

    num_images: int
    classes: list[tuple[str, int]]
    """(class, number of selected images), the most frequent first."""

    precision: float | None
    """Mean precision@10 of the selected images with a label; None if none has one."""

    confused: list[tuple[str, str, int]]
    """(class, other class, number of results of that class among the ten nearest), the most
    frequent first."""


def summarize(
    rows: NDArray[np.int64],
    classes: Sequence[str],
    labels: NDArray[np.int32],
    neighbors: Neighbors,
) -> SelectionSummary:
    """Summarize the images at (S,) `rows` of a map, each as a query among all other images.

    Args:
        rows: (S,) places on the map.
        classes: Names of the classes.
        labels: (N,) places in `classes` of all images, -1 for none.
        neighbors: (N, K); at most ten are used.
    """
    own = labels[rows]
    counts = np.bincount(own[own >= 0], minlength=len(classes))
    labeled = rows[own >= 0]
    retrieved = labels[neighbors.rows[labeled, :RANKS]]
    expected = np.broadcast_to(labels[labeled, None], retrieved.shape)
    wrong = (retrieved != expected) & (retrieved >= 0)
    pairs = expected[wrong].astype(np.int64) * len(classes) + retrieved[wrong]
    kinds, first, sizes = np.unique(pairs, return_index=True, return_counts=True)
    order = np.lexsort((first, -sizes))
    return SelectionSummary(
        num_images=len(rows),
        classes=[(classes[i], int(counts[i])) for i in _largest_first(counts, own)],
        precision=float((retrieved == expected).mean()) if len(labeled) else None,
        confused=[
            (classes[kinds[i] // len(classes)], classes[kinds[i] % len(classes)], int(sizes[i]))
            for i in order.tolist()
        ],
    )


def _largest_first(counts: NDArray[np.int64], own: NDArray[np.int32]) -> list[int]:
    """Return the classes that occur in (S,) `own`, the most frequent first, then the first."""
    present, first = np.unique(own[own >= 0], return_index=True)
    order = np.lexsort((first, -counts[present]))
    found: list[int] = present[order].tolist()
    return found


def count_classes(labels: Iterable[str | None]) -> list[tuple[str, int]]:
    """Return (class, number of images), the most frequent first, without unlabeled images."""
    return Counter(label for label in labels if label).most_common()


def share_among(rows: NDArray[np.int64], others: NDArray[np.int64], neighbors: Neighbors) -> float:
    """Return the share of the ten nearest neighbors of (S,) `rows`, at least one, in `others`."""
    return float(np.isin(neighbors.rows[rows, :RANKS], others).mean())


def selection_as_csv(
    images: Sequence[ImageRow], votes: Sequence[str | None], preserved: NDArray[np.float32]
) -> bytes:
    """Return the selected images as CSV (RFC 4180, UTF-8), a row an image.

    They have S classes by the vote of their neighbors, see `coloring.predict`, and (S,)
    neighborhood preservations.
    """
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for image, vote, share in zip(images, votes, preserved.tolist(), strict=True):
        writer.writerow([image.id, image.path, image.label, image.split, vote, round(share, 4)])
    return file.getvalue().encode()
