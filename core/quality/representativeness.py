"""Representativeness: the similarity of an image to the rest of its class.

Shapes, in this file: N images, D embedding dimensions, C classes.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from core.embeddings.unit_rows import unit
from core.quality.ranking import Ranking, ranked

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
    rows = np.flatnonzero((labels >= 0) & (counts[labels] > 1))
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
