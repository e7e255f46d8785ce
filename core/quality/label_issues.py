"""Likely wrong labels: images whose own label images like them, and their class, make improbable.

Two judges, neither of which knows the image's own label, say how probable each class is; the mean
of both counts. One asks the neighbors, the other a linear classifier. An image is as doubtful as
another class is more probable than its own: the *normalized margin* of confident learning
(Northcutt, Jiang & Chuang, *Confident Learning: Estimating Uncertainty in Dataset Labels*, 2021),
by which cleanlab ranks, too. How improbable the own label is alone (*self-confidence*) finds more
labels that are wrong at random, but hardly any that are confused with a class like it.

`benchmarks/quality.py` holds this ranking to cleanlab's on labels that were made wrong.

Shapes, in this file: N images, D embedding dimensions, K neighbors, C classes, B rows of a block.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.quality.linear_classifier import Linear, fit
from core.quality.neighbors import Neighbors
from core.quality.ranking import Ranking, ranked

TEMPERATURE = 0.07
"""A neighbor's vote weighs exp(similarity / τ): Wu, Xiong, Yu & Lin (*Unsupervised Feature
Learning via Non-Parametric Instance Discrimination*, 2018, 3.4)."""

BLOCK = 4096
MIN_CLASSES = 2


@dataclass(frozen=True, slots=True)
class LabelEstimators:
    """What is asked how probable classes are."""

    neighbors: Neighbors
    told: NDArray[np.int32]
    """(N,) the class of each content, at the row that stands for it; -1 where it has no vote."""

    linear: Linear
    num_classes: int

    def probabilities(
        self, vectors: NDArray[np.float32], rows: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Return (B, C) probabilities of the classes of these (B,) rows, without their own label.

        Args:
            vectors: (N, D) float32 unit rows; may be mapped.
            rows: Which of them.
        """
        told = self.told[self.neighbors.contents[rows]]
        linear = self.linear.probabilities(np.asarray(vectors[rows], np.float32), told)
        votes = self.votes(rows)
        heard = votes.sum(axis=1) > 0
        linear[heard] = (linear[heard] + votes[heard]) / 2  # Else none of the neighbors has one
        return linear

    def votes(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the (B, C) shares of the neighbors' votes; zeros where none has a vote."""
        labels = self.told[self.neighbors.rows[rows]]
        near = self.neighbors.similarities[rows]
        weights = np.where(labels >= 0, np.exp((near - near[:, :1]) / TEMPERATURE), 0)
        places = np.arange(len(rows))[:, None] * self.num_classes + np.maximum(labels, 0)
        shares = np.bincount(places.ravel(), weights.ravel(), len(rows) * self.num_classes).reshape(
            -1, self.num_classes
        )
        whole = shares.sum(axis=1, keepdims=True)
        np.divide(shares, whole, out=shares, where=whole > 0)
        return shares.astype(np.float32)


def find_label_issues(
    vectors: NDArray[np.float32],
    neighbors: Neighbors,
    labels: NDArray[np.int32],
    num_classes: int,
) -> Ranking:
    """Rank the images for which another class is more probable than their own.

    Args:
        vectors: (N, D) float32 unit rows; may be mapped.
        neighbors: Of the same images.
        labels: (N,) int32 places of classes; -1 for images that have none or are not in use.
        num_classes: C.

    Returns:
        The images, the most doubtful first; scores are doubts in [0.5, 1]: one half where the most
        probable other class, which is suggested, is as probable as the own, and 1 where it is
        certain. Empty with fewer than two classes.
    """
    told = content_labels(neighbors.contents, labels)
    asked = np.flatnonzero(labels >= 0)
    if len(np.unique(told[told >= 0])) < MIN_CLASSES:
        return ranked(asked[:0], np.empty(0, np.float32))
    estimators = LabelEstimators(neighbors, told, fit(vectors, told, num_classes), num_classes)
    doubts = np.empty(len(asked), np.float32)
    suggested = np.empty(len(asked), np.int32)
    is_suspect = np.empty(len(asked), np.bool_)
    for start in range(0, len(asked), BLOCK):
        rows = asked[start : start + BLOCK]
        probabilities = estimators.probabilities(vectors, rows)
        places = np.arange(len(rows)), labels[rows]
        own = probabilities[places]
        probabilities[places] = -1
        here = slice(start, start + BLOCK)
        suggested[here] = probabilities.argmax(axis=1)
        doubts[here] = (1 + probabilities.max(axis=1) - own) / 2
        is_suspect[here] = probabilities.max(axis=1) > own
    return ranked(asked[is_suspect], doubts[is_suspect], suggested[is_suspect])


def content_labels(contents: NDArray[np.int32], labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the (N,) class of each content, at its first row: one vote, however many copies.

    It is -1 where the copies contradict each other or have no label, and in all other rows.
    """
    labeled = np.flatnonzero(labels >= 0)
    least = np.full(len(labels), np.iinfo(np.int32).max, np.int32)
    greatest = np.full(len(labels), -1, np.int32)
    np.minimum.at(least, contents[labeled], labels[labeled])
    np.maximum.at(greatest, contents[labeled], labels[labeled])
    return np.where(least == greatest, greatest, np.int32(-1)).astype(np.int32)
