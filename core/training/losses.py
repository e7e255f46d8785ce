"""Table of the losses that an embedding can be trained with; `objective.py` computes them.

torch is not imported, so forms and command lines list losses without it.
"""

from dataclasses import dataclass

NO_METRIC_LOSS = "none"
"""Accepted in place of a metric loss: the classifier's cross-entropy alone."""

CROSS_ENTROPY = "cross_entropy"


@dataclass(frozen=True, kw_only=True, slots=True)
class Loss:
    """A loss: how forms show it, and what it needs of batches and optimizer."""

    label: str
    """Name for users."""

    explanation: str
    """What it does to the embeddings, in one line."""

    compares_images: bool = False
    """Whether it needs several images of a class in a batch, as in `class_balanced` batches."""

    has_proxies: bool = False
    """Whether it learns vectors for each class, which are optimized and saved with the network."""


LOSSES = {
    CROSS_ENTROPY: Loss(
        label="Cross-entropy",
        explanation="Classifies each image; stable with any batch size.",
    ),
    "triplet": Loss(
        label="Triplet, semi-hard",
        explanation="Moves images closer to their class than to the nearest other class.",
        compares_images=True,
    ),
    "supcon": Loss(
        label="Supervised contrastive",
        explanation="Pulls the images of a class together and pushes other classes away.",
        compares_images=True,
    ),
    "multi_similarity": Loss(
        label="Multi-similarity",
        explanation="Weights pairs by difficulty and ignores easy ones.",
        compares_images=True,
    ),
    "arcface": Loss(
        label="ArcFace",
        explanation="Adds an angular margin between classes; separates similar classes.",
        has_proxies=True,
    ),
    "subcenter_arcface": Loss(
        label="Sub-center ArcFace",
        explanation="ArcFace with three centers per class; tolerates label noise.",
        has_proxies=True,
    ),
    "proxy_anchor": Loss(
        label="Proxy-Anchor",
        explanation="Pulls images to a learned proxy of their class; converges fast.",
        has_proxies=True,
    ),
}
"""Name in configs and on the command line → loss."""
