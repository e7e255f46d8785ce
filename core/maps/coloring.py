"""Coloring of a map's points: by class, split, tag, cluster or kNN vote.

Shapes, in this file: N points, K neighbors, G groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.datasets.catalog import Catalog
from core.datasets.coded import NONE, SPLITS, CodedImages, read_coded
from core.indexes.neighbors import Neighbors

BLOCK = 1 << 14
"""Points whose neighbors vote at once."""

NO_LABEL, NO_TAG, NO_SPLIT, NO_CLUSTER = "unlabeled", "no tag", "no split", "in no cluster"
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

    images: CodedImages
    """Classes, splits and status of the N points."""

    tags: Groups
    """Groups of the points with the same tags, joined by commas."""

    @property
    def has_labels(self) -> bool:
        """Whether a point has a class."""
        return bool((self.images.labels >= 0).any())


def read_facts(catalog: Catalog, image_ids: NDArray[np.int64]) -> PointFacts:
    """Read the facts of the points of (N,) ascending image ids."""
    tags = np.full(len(image_ids), NONE, np.int64)
    names: dict[str, int] = {}
    pairs = catalog.select("SELECT image_id, tag FROM tags ORDER BY image_id, tag")
    for image_id, own in groupby(pairs, itemgetter(0)):
        place = int(np.searchsorted(image_ids, image_id))
        if place < len(image_ids) and image_ids[place] == image_id:
            joined = ", ".join(tag for _, tag in own)
            tags[place] = names.setdefault(joined, len(names))
    return PointFacts(read_coded(catalog, image_ids), by_number(list(names), tags, NO_TAG))


def by_name(names: Sequence[str], last: str) -> Groups:
    """Return groups of N points by their names, sorted, with the name `last` at the end."""
    order = sorted(set(names), key=lambda name: (name == last, name))
    numbers = {name: number for number, name in enumerate(order)}
    return Groups(order, np.array([numbers[name] for name in names], np.int64))


def by_number(names: Sequence[str], numbers: NDArray[np.integer[Any]], last: str) -> Groups:
    """Return groups of N points by (N,) places in `names`; -1 is the group `last`, at the end.

    Groups without points are left out.
    """
    named = [*names, last]
    present = np.unique(numbers)
    order = sorted(present.tolist(), key=lambda number: (number < 0, named[number]))
    places = np.zeros(len(named), np.int64)
    places[order] = np.arange(len(order))
    return Groups([named[number] for number in order], places[numbers])


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
    classes, labels = facts.images.classes, facts.images.labels
    match color_by:
        case ColorBy.CLASS:
            return by_number(classes, labels, NO_LABEL)
        case ColorBy.SPLIT:
            return by_number([str(split) for split in SPLITS], facts.images.splits, NO_SPLIT)
        case ColorBy.TAG:
            return facts.tags
        case ColorBy.CLUSTER:
            return _by_cluster(clusters)
        case ColorBy.PREDICTED:
            return by_number(classes, predict(labels, neighbors), NO_LABEL)
        case ColorBy.CORRECTNESS:
            predicted = predict(labels, neighbors)
            known = (labels >= 0) & (predicted >= 0)
            outcome = np.where(known, (labels != predicted).astype(np.int32), np.int32(NONE))
            return by_number([CORRECT, INCORRECT], outcome, NO_LABEL)
    raise ValueError(f"{color_by} is a number of each point, not a group")


def predict(labels: NDArray[np.int32], neighbors: Neighbors) -> NDArray[np.int32]:
    """Return (N,) the class of each image by the vote of its neighbors (kNN classification).

    The most frequent class wins, and the nearest one among equally frequent classes. The image's
    own label does not count. Of (N,) labels and of the result, -1 is no class.
    """
    winners = np.empty(len(labels), np.int32)
    for start in range(0, len(labels), BLOCK):
        near = labels[neighbors.rows[start : start + BLOCK]]
        # Faster than `core.metrics.measures.vote` for so few neighbors
        votes = (near[:, :, None] == near[:, None, :]).sum(axis=2)
        votes[near < 0] = 0
        winners[start : start + BLOCK] = near[np.arange(len(near)), votes.argmax(axis=1)]
    return winners


def predict_at(place: int, labels: NDArray[np.int32], neighbors: Neighbors) -> int:
    """Return the class of the image at one place as `predict` does."""
    near = labels[neighbors.rows[place]]
    votes = (near[:, None] == near).sum(axis=1) * (near >= 0)
    return int(near[votes.argmax()])


def _by_cluster(clusters: NDArray[np.int32]) -> Groups:
    """Return groups named by cluster numbers from 1, the largest cluster first."""
    count = int(clusters.max(initial=-1)) + 1
    names = [f"cluster {number + 1}" for number in range(count)] + [NO_CLUSTER]
    return Groups(names, np.where(clusters < 0, count, clusters).astype(np.int64))
