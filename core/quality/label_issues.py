"""Label issues: images for which another class is more probable than their own.

The probability of each class is the mean of two estimates that do not use the image's own label: a
vote of its neighbors and a linear classifier. Images are ranked by how much more probable another
class is, the *normalized margin* of confident learning (Northcutt, Jiang & Chuang, *Confident
Learning: Estimating Uncertainty in Dataset Labels*, 2021), as in cleanlab. The probability of the
own label alone (*self-confidence*) finds more labels that are wrong at random, but hardly any that
are confused with a similar class.

`benchmarks/quality.py` compares this ranking with cleanlab's on labels with added errors.

Shapes, in this file: N images, D embedding dimensions, K neighbors, C classes, B rows of a block.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.quality.linear_classifier import LinearClassifier, fit
from core.quality.neighbors import Neighbors
from core.quality.ranking import Ranking, ranked

TEMPERATURE = 0.07
"""τ of a vote's weight, exp(similarity / τ): Wu, Xiong, Yu & Lin (*Unsupervised Feature
Learning via Non-Parametric Instance Discrimination*, 2018, 3.4)."""

BLOCK = 4096
MIN_CLASSES = 2


@dataclass(frozen=True, slots=True)
class LabelEstimators:
    """Estimates of class probabilities that leave out each image's own label."""

    neighbors: Neighbors
    voters: NDArray[np.int32]
    """(N,) the class that each row votes for, or -1, see `content_labels`."""

    classifier: LinearClassifier
    num_classes: int

    def probabilities(
        self, vectors: NDArray[np.float32], rows: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Return (B, C) class probabilities of (B,) rows without their own labels.

        `vectors` are (N, D) float32 unit rows, which may be memory-mapped.
        """
        labels = self.voters[self.neighbors.contents[rows]]
        estimates = self.classifier.probabilities(np.asarray(vectors[rows], np.float32), labels)
        votes = self.votes(rows)
        has_votes = votes.sum(axis=1) > 0
        estimates[has_votes] = (estimates[has_votes] + votes[has_votes]) / 2
        return estimates

    def votes(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return (B, C) shares of the neighbors' votes; zeros where no neighbor has a label."""
        labels = self.voters[self.neighbors.rows[rows]]
        near = self.neighbors.similarities[rows]
        weights = np.where(labels >= 0, np.exp((near - near[:, :1]) / TEMPERATURE), 0)
        places = np.arange(len(rows))[:, None] * self.num_classes + np.maximum(labels, 0)
        shares = np.bincount(places.ravel(), weights.ravel(), len(rows) * self.num_classes)
        shares = shares.reshape(-1, self.num_classes)
        total = shares.sum(axis=1, keepdims=True)
        np.divide(shares, total, out=shares, where=total > 0)
        return shares.astype(np.float32)


def find_label_issues(
    vectors: NDArray[np.float32],
    neighbors: Neighbors,
    labels: NDArray[np.int32],
    num_classes: int,
) -> Ranking:
    """Rank the images for which another class is more probable than their own.

    Args:
        vectors: (N, D) float32 unit rows; may be memory-mapped.
        neighbors: Of the same images.
        labels: (N,) int32 class numbers; -1 for unlabeled and unusable images.
        num_classes: C.

    Returns:
        The images, the most likely mislabeled first. Scores are in [0.5, 1]: 0.5 if the most
        probable other class, which is suggested, is as probable as the own class, 1 if it is
        certain. Empty with fewer than two classes.
    """
    voters = content_labels(neighbors.contents, labels)
    labeled = np.flatnonzero(labels >= 0)
    if len(np.unique(voters[voters >= 0])) < MIN_CLASSES:
        return ranked(labeled[:0], np.empty(0, np.float32))
    classifier = fit(vectors, voters, num_classes)
    estimators = LabelEstimators(neighbors, voters, classifier, num_classes)
    scores = np.empty(len(labeled), np.float32)
    suggested = np.empty(len(labeled), np.int32)
    is_issue = np.empty(len(labeled), np.bool_)
    for start in range(0, len(labeled), BLOCK):
        rows = labeled[start : start + BLOCK]
        probabilities = estimators.probabilities(vectors, rows)
        places = np.arange(len(rows)), labels[rows]
        own = probabilities[places]
        probabilities[places] = -1
        here = slice(start, start + BLOCK)
        suggested[here] = probabilities.argmax(axis=1)
        scores[here] = (1 + probabilities.max(axis=1) - own) / 2
        is_issue[here] = probabilities.max(axis=1) > own
    return ranked(labeled[is_issue], scores[is_issue], suggested[is_issue])


def content_labels(contents: NDArray[np.int32], labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return (N,) the class of each content at its first row, so that copies have one vote.

    It is -1 at all other rows, and where the copies are unlabeled or of different classes.
    """
    labeled = np.flatnonzero(labels >= 0)
    least = np.full(len(labels), np.iinfo(np.int32).max, np.int32)
    greatest = np.full(len(labels), -1, np.int32)
    np.minimum.at(least, contents[labeled], labels[labeled])
    np.maximum.at(greatest, contents[labeled], labels[labeled])
    return np.where(least == greatest, greatest, np.int32(-1)).astype(np.int32)
