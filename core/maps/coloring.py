"""What a map's points can be colored by.

Shapes, in this file: N points, K neighbors, G groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.maps.neighbors import Neighbors

NO_LABEL, NO_TAG, NO_SPLIT, NO_CLUSTER = "no label", "no tag", "no split", "in no cluster"
RIGHT, WRONG = "right", "wrong"


class ColorBy(StrEnum):
    """What the color of a point says."""

    CLASS = "category"
    """What the image is labeled as."""

    SPLIT = "split"
    """train, validation or test."""

    PREDICTED = "predicted"
    """The category of most of its true neighbors."""

    RIGHT = "right or wrong"
    """Whether that is its own."""

    TAG = "tag"
    """What was tagged."""

    CLUSTER = "cluster"
    """Points that lie densely together on this map."""

    QUERY = "similarity to the query"
    """How like the image is to what is asked on the Query page."""

    PRESERVED = "neighbors kept"
    """The share of its true neighbors that are near it on the map: how far to trust its place."""


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Points in groups that have names."""

    names: Sequence[str]
    """G of them, in the order of the legend."""

    of_points: NDArray[np.int64]
    """(N,) places in `names`."""


@dataclass(frozen=True, slots=True, eq=False)
class Described:
    """What the catalog says of each point."""

    labels: Sequence[str | None]
    """N categories."""

    splits: Sequence[str | None]
    """N splits."""

    tags: Sequence[str]
    """N tags, several joined by commas; empty for none."""


def by_name(names: Sequence[str], last: str) -> Groups:
    """Group points by N names in their order; `last` comes last."""
    order = sorted(set(names), key=lambda name: (name == last, name))
    numbers = {name: number for number, name in enumerate(order)}
    return Groups(order, np.array([numbers[name] for name in names], np.int64))


def groups_by(
    color_by: ColorBy,
    described: Described,
    neighbors: Neighbors,
    clusters: NDArray[np.int32],
) -> Groups:
    """Group the points of a map by what is no number.

    Args:
        color_by: By what.
        described: What the catalog says of the N points.
        neighbors: (N, K), the true ones.
        clusters: (N,) numbers, -1 for none.

    Raises:
        ValueError: That is a number: the similarity to the query, or the neighbors kept.
    """
    labels = described.labels
    if color_by == ColorBy.CLASS:
        return by_name([label or NO_LABEL for label in labels], NO_LABEL)
    if color_by == ColorBy.SPLIT:
        return by_name([split or NO_SPLIT for split in described.splits], NO_SPLIT)
    if color_by == ColorBy.TAG:
        return by_name([tag or NO_TAG for tag in described.tags], NO_TAG)
    if color_by == ColorBy.CLUSTER:
        return _by_cluster(clusters)
    if color_by not in (ColorBy.PREDICTED, ColorBy.RIGHT):
        raise ValueError(f"{color_by} is a number of each point, not a group")
    predicted = predict(labels, neighbors)
    if color_by == ColorBy.PREDICTED:
        return by_name([label or NO_LABEL for label in predicted], NO_LABEL)
    said = zip(labels, predicted, strict=True)
    known = [NO_LABEL if None in pair else RIGHT if pair[0] == pair[1] else WRONG for pair in said]
    return by_name(known, NO_LABEL)


def predict(labels: Sequence[str | None], neighbors: Neighbors) -> list[str | None]:
    """Return what the neighbors say each image is: a k-nearest-neighbor classifier.

    The category that most of them have wins, and of equals the one that comes nearest. An image's
    own label has no say.

    Args:
        labels: N categories.
        neighbors: (N, K), the true ones.

    Returns:
        N categories; None where no neighbor has one.
    """
    names = sorted({label for label in labels if label})
    numbers = {name: number for number, name in enumerate(names)}
    numbered = np.array([numbers.get(label or "", -1) for label in labels], np.int64)
    near = numbered[neighbors.rows]
    votes = (near[:, :, None] == near[:, None, :]).sum(axis=2)
    votes[near < 0] = 0
    winners = near[np.arange(len(near)), votes.argmax(axis=1)]
    return [names[winner] if winner >= 0 else None for winner in winners.tolist()]


def _by_cluster(clusters: NDArray[np.int32]) -> Groups:
    """Number the clusters from 1, the largest first."""
    count = int(clusters.max(initial=-1)) + 1
    names = [f"cluster {number + 1}" for number in range(count)] + [NO_CLUSTER]
    return Groups(names, np.where(clusters < 0, count, clusters).astype(np.int64))
