"""The most and the least typical images of each class.

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
    """Rank images by how like they are to the mean of all others of their class.

    This is the *nearest class mean* of Mensink, Verbeek, Perronnin & Csurka (*Distance-Based Image
    Classification*, 2013), without the image itself: else a class of two would be all typical.

    Args:
        vectors: (N, D) float32 unit rows; may be mapped.
        labels: (N,) int32 places of classes; -1 for images that are left out.
        most_first: The most typical come first, else the least.

    Returns:
        The images of classes that have at least two; scores are cosine similarities in [-1, 1].
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
