"""Coloring of a map's points: by class, split, tag, cluster or kNN vote.

Shapes, in this file: N points, K neighbors, G groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.indexes.neighbors import Neighbors

NO_LABEL, NO_TAG, NO_SPLIT, NO_CLUSTER = "no label", "no tag", "no split", "in no cluster"
CORRECT, INCORRECT = "correct", "incorrect"


class ColorBy(StrEnum):
    """The property that determines a point's color."""

    CLASS = "class"
    """The label of the image."""

    SPLIT = "split"
    """train, validation or test."""

    PREDICTED = "predicted class"
    """The class of most of its nearest neighbors (kNN vote)."""

    CORRECTNESS = "correctness"
    """Whether the predicted class is the label."""

    TAG = "tag"
    """The tags of the image."""

    CLUSTER = "cluster"
    """The dense group of points on this map."""

    QUERY = "query similarity"
    """Similarity to the query of the Query page."""

    PRESERVED = "neighborhood preservation"
    """The share of its nearest neighbors that are near it on the map."""


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Points in named groups."""

    names: Sequence[str]
    """G names, in the order of the legend."""

    of_points: NDArray[np.int64]
    """(N,) places in `names`."""


@dataclass(frozen=True, slots=True, eq=False)
class PointFacts:
    """Facts of each point from the catalog."""

    labels: Sequence[str | None]
    """N classes."""

    splits: Sequence[str | None]
    """N splits."""

    tags: Sequence[str]
    """N tags, joined by commas; empty for none."""


def by_name(names: Sequence[str], last: str) -> Groups:
    """Return groups of N points by their names, sorted, with the name `last` at the end."""
    order = sorted(set(names), key=lambda name: (name == last, name))
    numbers = {name: number for number, name in enumerate(order)}
    return Groups(order, np.array([numbers[name] for name in names], np.int64))


def groups_by(
    color_by: ColorBy,
    facts: PointFacts,
    neighbors: Neighbors,
    clusters: NDArray[np.int32],
) -> Groups:
    """Group the points of a map by a property.

    Args:
        color_by: The property.
        facts: Of the N points.
        neighbors: (N, K) in the embedding space.
        clusters: (N,) numbers, -1 for none.

    Raises:
        ValueError: The property is a number: query similarity or neighborhood preservation.
    """
    labels = facts.labels
    if color_by == ColorBy.CLASS:
        return by_name([label or NO_LABEL for label in labels], NO_LABEL)
    if color_by == ColorBy.SPLIT:
        return by_name([split or NO_SPLIT for split in facts.splits], NO_SPLIT)
    if color_by == ColorBy.TAG:
        return by_name([tag or NO_TAG for tag in facts.tags], NO_TAG)
    if color_by == ColorBy.CLUSTER:
        return _by_cluster(clusters)
    if color_by not in (ColorBy.PREDICTED, ColorBy.CORRECTNESS):
        raise ValueError(f"{color_by} is a number of each point, not a group")
    predicted = predict(labels, neighbors)
    if color_by == ColorBy.PREDICTED:
        return by_name([label or NO_LABEL for label in predicted], NO_LABEL)
    pairs = zip(labels, predicted, strict=True)
    return by_name([_correctness(label, winner) for label, winner in pairs], NO_LABEL)


def predict(labels: Sequence[str | None], neighbors: Neighbors) -> list[str | None]:
    """Return the class of each of N images by the vote of its neighbors (kNN classification).

    The most frequent class wins, and the nearest one among equally frequent classes. The image's
    own label does not count. None where no neighbor has a class.
    """
    names = sorted({label for label in labels if label})
    numbers = {name: number for number, name in enumerate(names)}
    numbered = np.array([numbers.get(label or "", -1) for label in labels], np.int64)
    near = numbered[neighbors.rows]
    # Faster than `core.metrics.measures.vote` for so few neighbors
    votes = (near[:, :, None] == near[:, None, :]).sum(axis=2)
    votes[near < 0] = 0
    winners = near[np.arange(len(near)), votes.argmax(axis=1)]
    return [names[winner] if winner >= 0 else None for winner in winners.tolist()]


def _correctness(label: str | None, predicted: str | None) -> str:
    if label is None or predicted is None:
        return NO_LABEL
    return CORRECT if label == predicted else INCORRECT


def _by_cluster(clusters: NDArray[np.int32]) -> Groups:
    """Return groups named by cluster numbers from 1, the largest cluster first."""
    count = int(clusters.max(initial=-1)) + 1
    names = [f"cluster {number + 1}" for number in range(count)] + [NO_CLUSTER]
    return Groups(names, np.where(clusters < 0, count, clusters).astype(np.int64))
