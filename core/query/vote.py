"""What the neighbors say a query is: a vote that needs no classifier.

Shapes, in this file: K neighbors.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

TEMPERATURE = 0.07
"""Of Wu, Xiong, Yu & Lin (*Unsupervised Feature Learning via Non-Parametric Instance
Discrimination*, 2018, 3.4): a neighbor weighs exp(similarity / τ)."""

VOTERS = 20
"""Neighbors that vote; more would outvote categories that have few images."""


def vote(labels: Sequence[str | None], similarities: Sequence[float]) -> list[tuple[str, float]]:
    """Return the categories of the nearest images with their share of the vote, greatest first.

    Args:
        labels: The category of each neighbor, nearest first; those without one have no vote.
        similarities: (K,) cosine similarities in [-1, 1].

    Returns:
        Category and share, the shares adding up to 1; empty where no neighbor has a category.
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
