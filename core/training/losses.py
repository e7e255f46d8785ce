"""The losses that an embedding can be trained with, by name.

Nothing here needs torch: forms and command lines list losses without it. How they are computed,
mixed with the classifier's and spread over several processes is in `objective.py`.
"""

from dataclasses import dataclass

from core.errors import WorkbenchError

NO_METRIC_LOSS = "none"
"""Accepted where a metric loss is named: the classifier's cross-entropy alone."""

CROSS_ENTROPY = "cross_entropy"


@dataclass(frozen=True, kw_only=True, slots=True)
class Loss:
    """What a form tells about a loss, and what it asks of batches and optimizer."""

    name: str
    """As configurations and command lines call it."""

    label: str
    """As people call it."""

    explanation: str
    """What it does to the embeddings, in one line."""

    compares_images: bool = False
    """Whether it learns from images of one class in one batch: then `class_balanced` batches."""

    has_proxies: bool = False
    """Whether it learns vectors of its own for each class: then they need optimizing and saving."""


LOSSES = {
    loss.name: loss
    for loss in (
        Loss(
            name=CROSS_ENTROPY,
            label="Cross-entropy",
            explanation="Names the class of each image; the classic, and steady with any batch.",
        ),
        Loss(
            name="triplet",
            label="Triplet, semi-hard",
            explanation="Moves an image nearer to its class than to another class's nearby images.",
            compares_images=True,
        ),
        Loss(
            name="supcon",
            label="Supervised contrastive",
            explanation="Pulls all images of a class together and away from the batch's others.",
            compares_images=True,
        ),
        Loss(
            name="multi_similarity",
            label="Multi-similarity",
            explanation="Weighs the pairs of a batch by how hard they are; ignores the easy ones.",
            compares_images=True,
        ),
        Loss(
            name="arcface",
            label="ArcFace",
            explanation="Asks for an angle between the classes; good at telling alike ones apart.",
            has_proxies=True,
        ),
        Loss(
            name="subcenter_arcface",
            label="Sub-center ArcFace",
            explanation="ArcFace with three centers a class: for mixed classes and wrong labels.",
            has_proxies=True,
        ),
        Loss(
            name="proxy_anchor",
            label="Proxy-Anchor",
            explanation="Gathers images around a learnt point for each class; learns quickly.",
            has_proxies=True,
        ),
    )
}


def find_loss(name: str) -> Loss:
    """Return the loss of that name.

    Raises:
        WorkbenchError: There is none; the sentence lists them.
    """
    try:
        return LOSSES[name]
    except KeyError as error:
        raise WorkbenchError(
            f"There is no loss “{name}”.", f"Choose one of {', '.join(LOSSES)}."
        ) from error
