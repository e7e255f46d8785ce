"""Linear classifier with leave-one-out predictions for its training images.

Regularized least squares on the classes, for which leaving one out has a closed form (Hastie,
Tibshirani & Friedman, *The Elements of Statistical Learning*, 2009, 7.10, eq. 7.64): the residual
divided by 1 - h, where h is the image's leverage. A single fit replaces one fit an image.

Shapes, in this file: N images, D embedding dimensions, C classes, B rows of a block.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK = 1 << 14
RIDGE = 0.01
"""Ridge penalty as a share of the mean squared feature, so that their scale does not matter."""

TEMPERATURE = 0.1
"""Of the softmax over the outputs, which are mostly in [0, 1]. Of 0.07, 0.1 and 0.15 it found most
of the labels that were changed at random in Caltech-101."""

MAX_LEVERAGE = 0.999
"""Upper limit: with fewer images than dimensions, rounding may raise it to 1."""


@dataclass(frozen=True, slots=True)
class LinearClassifier:
    """A fitted linear classifier."""

    weights: NDArray[np.float64]
    """(D + 1, C); the last row is the bias."""

    inverse: NDArray[np.float64]
    """(D + 1, D + 1) inverse of the regularized Gram matrix, for leverages."""

    class_weights: NDArray[np.float64]
    """(C,) weight of an image of each class."""

    def outputs(
        self, vectors: NDArray[np.float32], labels: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        """Return (B, C) outputs, each as if the image had been left out of the training.

        `labels` has the class of each of (B, D) rows in the training, -1 if it was not part of it.
        """
        features = _features(vectors)
        outputs = features @ self.weights
        trained = np.flatnonzero(labels >= 0)
        rows, classes = features[trained], labels[trained]
        leverage = ((rows @ self.inverse) * rows).sum(axis=1) * self.class_weights[classes]
        leverage = np.minimum(leverage, MAX_LEVERAGE)
        residual = -outputs[trained]
        residual[np.arange(len(trained)), classes] += 1
        outputs[trained] -= residual * (leverage / (1 - leverage))[:, None]
        return outputs

    def probabilities(
        self, vectors: NDArray[np.float32], labels: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Return `outputs` as (B, C) probabilities; rows sum to 1."""
        scaled = self.outputs(vectors, labels) / TEMPERATURE
        scaled = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        shares: NDArray[np.float32] = (scaled / scaled.sum(axis=1, keepdims=True)).astype("f4")
        return shares


def fit(
    vectors: NDArray[np.float32], labels: NDArray[np.int32], num_classes: int
) -> LinearClassifier:
    """Fit a classifier to (N, D) unit rows and their (N,) classes, leaving out labels of -1.

    A class has the weight of the square root of its number of images, so that small ones count.
    """
    trained = np.flatnonzero(labels >= 0)
    counts = np.bincount(labels[trained], minlength=num_classes)
    class_weights = np.sqrt(len(trained) / num_classes / np.maximum(counts, 1))
    width = vectors.shape[1] + 1
    gram, targets = np.zeros((width, width)), np.zeros((width, num_classes))
    for start in range(0, len(trained), BLOCK):
        rows = trained[start : start + BLOCK]
        features = _features(vectors[rows])
        weighted = features * class_weights[labels[rows], None]
        gram += features.T @ weighted
        one_hot = np.zeros((len(rows), num_classes))
        one_hot[np.arange(len(rows)), labels[rows]] = 1
        targets += weighted.T @ one_hot
    ridge = np.full(width, RIDGE * np.trace(gram) / width)
    ridge[-1] *= 1e-6  # The bias is hardly penalized, only enough for an inverse
    inverse = np.linalg.inv(gram + np.diag(ridge))
    return LinearClassifier(inverse @ targets, inverse, class_weights)


def _features(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.hstack([vectors, np.ones((len(vectors), 1), np.float32)]).astype(np.float64)
