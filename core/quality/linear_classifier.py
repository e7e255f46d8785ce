"""A linear classifier that says of each image what it would without that image's own label.

Regularized least squares on the classes, for which leaving one out has a closed form (Hastie,
Tibshirani & Friedman, *The Elements of Statistical Learning*, 2009, 7.10, eq. 7.64): the residual
divided by 1 - h, where h is the image's leverage. So nothing is fitted once an image, nor in folds.

Shapes, in this file: N images, D embedding dimensions, C classes, B rows of a block.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK = 1 << 14
RIDGE = 0.01
"""Of the mean of the squared features: their scale does not matter then."""

TEMPERATURE = 0.1
"""What the outputs, mostly in [0, 1], are divided by before they become probabilities. Of 0.07, 0.1
and 0.15 it found most of the labels that were made wrong at random in Caltech-101."""

MAX_LEVERAGE = 0.999
"""Of one image: in fewer images than dimensions rounding may bring it to 1."""


@dataclass(frozen=True, slots=True)
class Linear:
    """A fitted classifier."""

    weights: NDArray[np.float64]
    """(D + 1, C); the last row is for the constant 1 behind each embedding."""

    inverse: NDArray[np.float64]
    """(D + 1, D + 1) inverse of the regularized Gram matrix, for leverages."""

    class_weights: NDArray[np.float64]
    """(C,) how much an image of each class weighs."""

    def outputs(self, vectors: NDArray[np.float32], told: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return (B, C) outputs, each as if the image had not been there to learn from.

        Args:
            vectors: (B, D) float32 unit rows.
            told: (B,) the class that each was learnt as, -1 where it was not learnt from.
        """
        features = _features(vectors)
        outputs = features @ self.weights
        learnt = np.flatnonzero(told >= 0)
        there = features[learnt]
        leverage = ((there @ self.inverse) * there).sum(axis=1) * self.class_weights[told[learnt]]
        leverage = np.minimum(leverage, MAX_LEVERAGE)
        residual = -outputs[learnt]
        residual[np.arange(len(learnt)), told[learnt]] += 1
        outputs[learnt] -= residual * (leverage / (1 - leverage))[:, None]
        return outputs

    def probabilities(
        self, vectors: NDArray[np.float32], told: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Return the (B, C) outputs as probabilities, rows adding up to 1."""
        scaled = self.outputs(vectors, told) / TEMPERATURE
        scaled = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        shares: NDArray[np.float32] = (scaled / scaled.sum(axis=1, keepdims=True)).astype("f4")
        return shares


def fit(vectors: NDArray[np.float32], told: NDArray[np.int32], num_classes: int) -> Linear:
    """Learn the classes of (N, D) unit rows from (N,) `told`; -1 is not learnt from.

    A class weighs as the square root of its number of images, so small ones are heard.
    """
    learnt = np.flatnonzero(told >= 0)
    counts = np.bincount(told[learnt], minlength=num_classes)
    class_weights = np.sqrt(len(learnt) / num_classes / np.maximum(counts, 1))
    width = vectors.shape[1] + 1
    gram, targets = np.zeros((width, width)), np.zeros((width, num_classes))
    for start in range(0, len(learnt), BLOCK):
        rows = learnt[start : start + BLOCK]
        features = _features(vectors[rows])
        weighted = features * class_weights[told[rows], None]
        gram += features.T @ weighted
        wanted = np.zeros((len(rows), num_classes))
        wanted[np.arange(len(rows)), told[rows]] = 1
        targets += weighted.T @ wanted
    ridge = np.full(width, RIDGE * np.trace(gram) / width)
    ridge[-1] *= 1e-6  # The constant is not held small; only so far that there is an inverse
    inverse = np.linalg.inv(gram + np.diag(ridge))
    return Linear(inverse @ targets, inverse, class_weights)


def _features(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.hstack([vectors, np.ones((len(vectors), 1), np.float32)]).astype(np.float64)
