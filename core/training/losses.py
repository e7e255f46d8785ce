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
        explanation="Names the class of each image; the classic, and steady with any batch.",
    ),
    "triplet": Loss(
        label="Triplet, semi-hard",
        explanation="Moves an image nearer to its class than to another class's nearby images.",
        compares_images=True,
    ),
    "supcon": Loss(
        label="Supervised contrastive",
        explanation="Pulls all images of a class together and away from the batch's others.",
        compares_images=True,
    ),
    "multi_similarity": Loss(
        label="Multi-similarity",
        explanation="Weighs the pairs of a batch by how hard they are; ignores the easy ones.",
        compares_images=True,
    ),
    "arcface": Loss(
        label="ArcFace",
        explanation="Asks for an angle between the classes; good at telling alike ones apart.",
        has_proxies=True,
    ),
    "subcenter_arcface": Loss(
        label="Sub-center ArcFace",
        explanation="ArcFace with three centers a class: for mixed classes and wrong labels.",
        has_proxies=True,
    ),
    "proxy_anchor": Loss(
        label="Proxy-Anchor",
        explanation="Gathers images around a learnt point for each class; learns quickly.",
        has_proxies=True,
    ),
}
"""Name in configs and on the command line → loss."""
