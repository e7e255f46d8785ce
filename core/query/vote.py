"""kNN vote: the class of a query by its nearest images, without a classifier.

Shapes, in this file: K neighbors.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

TEMPERATURE = 0.07
"""Of Wu, Xiong, Yu & Lin (*Unsupervised Feature Learning via Non-Parametric Instance
Discrimination*, 2018, 3.4): a neighbor has weight exp(similarity / τ)."""

VOTERS = 20
"""Number of neighbors that vote; with more, classes with few images would be outvoted."""


def vote(labels: Sequence[str | None], similarities: Sequence[float]) -> list[tuple[str, float]]:
    """Return the classes of the nearest images with their share of the vote, highest first.

    Args:
        labels: The class of each neighbor, nearest first; unlabeled ones do not vote.
        similarities: (K,) cosine similarities in [-1, 1].

    Returns:
        Class and share, the shares adding up to 1; empty if all neighbors are unlabeled.
    """
    voters = [
        (label, similarity)
        for label, similarity in zip(labels, similarities, strict=True)
        if label is not None
    ][:VOTERS]
    if not voters:
        return []
    nearest = max(similarity for _, similarity in voters)
    weights: dict[str, float] = defaultdict(float)
    for label, similarity in voters:
        weights[label] += float(np.exp((similarity - nearest) / TEMPERATURE))
    whole = sum(weights.values())
    shares = [(label, weight / whole) for label, weight in weights.items()]
    return sorted(shares, key=lambda share: (-share[1], share[0]))
