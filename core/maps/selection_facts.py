"""What can be said of images that were selected on a map.

Shapes, in this file: N points, S selected ones, K neighbors.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.maps.neighbors import Neighbors

RANKS = 10
"""Neighbors that precision is taken over."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is in a selection, and how the model takes it."""

    num_images: int
    classes: list[tuple[str, int]]
    """The categories of the selected images, the most frequent first."""

    precision: float | None
    """The mean share of the same category among the ten nearest others of each selected image
    that has one; None where none has."""

    confused: list[tuple[str, str, int]]
    """Category, another one that its images find among their ten nearest, and how often; the most
    frequent first."""


def describe(rows: NDArray[np.int64], labels: Sequence[str | None], neighbors: Neighbors) -> Facts:
    """Describe the images at (S,) `rows` of a map.

    Each is taken as a query that searches among all others on the map.

    Args:
        rows: (S,) places.
        labels: N categories.
        neighbors: (N, at least 1), the true ones; ten are looked at.
    """
    classes = Counter(label for row in rows.tolist() if (label := labels[row]))
    shares: list[float] = []
    confused: Counter[tuple[str, str]] = Counter()
    near = neighbors.rows[:, :RANKS]
    for row in rows.tolist():
        own = labels[row]
        if own is None:
            continue
        found = [labels[other] for other in near[row].tolist()]
        shares.append(found.count(own) / len(found))
        confused.update((own, other) for other in found if other not in (own, None))
    return Facts(
        num_images=len(rows),
        classes=classes.most_common(),
        precision=float(np.mean(shares)) if shares else None,
        confused=[(own, other, count) for (own, other), count in confused.most_common()],
    )


def found_among(rows: NDArray[np.int64], others: NDArray[np.int64], neighbors: Neighbors) -> float:
    """Return the share of the ten nearest of the images at `rows` that are among `others`.

    Args:
        rows: (S,) places, at least one.
        others: Places.
        neighbors: (N, at least 1), the true ones.
    """
    return float(np.isin(neighbors.rows[rows, :RANKS], others).mean())
