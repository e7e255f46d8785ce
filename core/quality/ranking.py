"""Rankings: images in the order of a check, such as representativeness of their class.

Shapes, in this file: R ranked images, N images, D embedding dimensions, C classes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from core.embeddings.unit_rows import unit


@dataclass(frozen=True, slots=True)
class Ranking:
    """The images that a check lists, in its order."""

    rows: NDArray[np.int64]
    """(R,) rows of the embeddings."""

    scores: NDArray[np.float32]
    """(R,) scores that the order follows; each check documents their meaning."""

    suggested: NDArray[np.int32]
    """(R,) suggested class of each, as a place in `ImageLabels.classes`; -1 for none."""

    def among(self, selected: NDArray[np.bool_]) -> "Ranking":
        """Return the ranking of the images that are (N,) `selected`."""
        remaining = selected[self.rows]
        return Ranking(self.rows[remaining], self.scores[remaining], self.suggested[remaining])

    def reversed(self) -> "Ranking":
        """Return the images in the opposite order."""
        return Ranking(self.rows[::-1], self.scores[::-1], self.suggested[::-1])


def ranked(
    rows: NDArray[np.int64],
    scores: NDArray[np.float32],
    suggested: NDArray[np.int32] | None = None,
    *,
    greatest_first: bool = True,
) -> Ranking:
    """Return (R,) rows in the order of their (R,) scores; ties in the order of the rows."""
    order = np.argsort(-scores if greatest_first else scores, kind="stable")
    if suggested is None:
        suggested = np.full(len(rows), -1, np.int32)
    return Ranking(rows[order], scores[order], suggested[order])


FENCE = 1.5
"""Interquartile ranges from the quartiles to the fence: Tukey (*Exploratory Data Analysis*, 1977).
"""


def num_extreme(listed: Ranking, among: Ranking) -> int:
    """Return how many listed images are beyond Tukey's fence of the whole ranking `among`.

    The fence is at the side whose scores come first in the ranking.
    """
    if not len(among.scores):
        return 0
    low, high = np.quantile(among.scores, (0.25, 0.75)).tolist()
    margin = FENCE * (high - low)
    if among.scores[0] >= among.scores[-1]:
        return int((listed.scores > high + margin).sum())
    return int((listed.scores < low - margin).sum())


BLOCK = 1 << 14


def representativeness(
    vectors: NDArray[np.float32], labels: NDArray[np.int32], *, most_first: bool = True
) -> Ranking:
    """Rank images by their similarity to the mean of the other images of their class.

    This is the *nearest class mean* of Mensink, Verbeek, Perronnin & Csurka (*Distance-Based Image
    Classification*, 2013), without the image itself: both images of a class of two would otherwise
    be typical.

    Args:
        vectors: (N, D) float32 unit rows; may be memory-mapped.
        labels: (N,) int32 class numbers; -1 for images to leave out.
        most_first: Put the most typical images first instead of the least typical.

    Returns:
        The images of classes with at least two; scores are cosine similarities in [-1, 1].
    """
    num_classes = int(labels.max(initial=-1)) + 1
    counts = np.bincount(labels[labels >= 0], minlength=num_classes)
    labeled = np.flatnonzero(labels >= 0)
    rows = labeled[counts[labels[labeled]] > 1]
    sums = np.zeros((num_classes, vectors.shape[1]), np.float64)
    for start in range(0, len(rows), BLOCK):
        here = rows[start : start + BLOCK]
        places = labels[here], np.arange(len(here))
        members = sparse.csr_array((np.ones(len(here)), places), shape=(num_classes, len(here)))
        sums += members @ vectors[here]
    scores = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), BLOCK):
        here = rows[start : start + BLOCK]
        own = np.asarray(vectors[here], np.float32)
        others = unit((sums[labels[here]] - own).astype(np.float32))
        scores[start : start + BLOCK] = np.einsum("nd,nd->n", own, others)
    return ranked(rows, np.clip(scores, -1, 1), greatest_first=most_first)
