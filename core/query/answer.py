"""What is answered to a question: which images are like it, what it shows, and how sure that is.

Shapes, in this file: P query images, D embedding dimensions, C classes.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from core.datasets.registry import Dataset
from core.embeddings.files import Embeddings
from core.indexes.files import Index
from core.query.fusion import Blend, blend
from core.query.ood import OODReference
from core.query.search import Match, Wanted, search
from core.query.vote import VOTERS, vote

NEIGHBORS = Wanted(k=VOTERS, fold=True)
"""What votes, and is held against held-out images, whatever is filtered: duplicates count once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbeddedQuestion:
    """A question whose images are embedded."""

    embeddings: Sequence[NDArray[np.float32]] = ()
    """P of (D,) float32, of unit length, as the index's encoding makes them."""

    probabilities: Sequence[NDArray[np.float32]] = ()
    """P of (C,) float32, as the model gives them; C is 0 for a model without classes."""

    is_wanted: Sequence[bool] = ()
    """P; False for an image that the matches are not to be like."""

    blend: Blend = Blend.MEAN
    liked: Sequence[int] = ()
    """Catalog ids of indexed images that more like them are wanted of."""

    unliked: Sequence[int] = ()
    """Catalog ids of indexed images that fewer like them are wanted of."""

    own_ids: frozenset[int] = frozenset()
    """Catalog ids that are no answer."""

    @property
    def is_one_image(self) -> bool:
        """Whether it is asked by one image as it is, like those that were held out."""
        return len(self.embeddings) == 1 and not self.liked and not self.unliked


@dataclass(frozen=True, slots=True)
class OutOfDistribution:
    """How a query's best similarity compares with what held-out images get."""

    similarity: float
    """Cosine similarity of the nearest image, in [-1, 1]."""

    percentile: float
    """Share of held-out images whose nearest image is less similar, 0 to 100."""

    is_out_of_distribution: bool
    """Whether it is like nothing in the dataset."""

    is_borderline: bool
    """Whether it is less like the dataset than most held-out images are."""

    held_out: str
    """Which images were held out: validation, test, or all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What the model and the index say of a question."""

    prediction: list[tuple[str, float]]
    """The classifier's categories with their probabilities, likeliest first; of several images the
    mean. Empty for a model without classes, or a question without images."""

    vote: list[tuple[str, float]]
    """The neighbors' categories with their share of the vote, greatest first."""

    matches: list[Match]
    """Nearest images, best first."""

    standing: OutOfDistribution | None = None
    """None where it is not asked by one image, or nothing is known of held-out ones."""

    seconds: Mapping[str, float] = field(default_factory=dict)
    """Time spent on each stage."""

    together: int = 1
    """Images that went through the model in one pass, those of other queries among them."""

    def after(self, seconds: Mapping[str, float], together: int = 1) -> "Answer":
        """Return the answer with the time of the stages before it, and who shared the pass."""
        return replace(self, seconds={**seconds, **self.seconds}, together=together)


def answer(
    index: Index,
    dataset: Dataset,
    embeddings: Embeddings | None,
    classes: Sequence[str],
    asked: EmbeddedQuestion,
    wanted: Wanted,
    ood_reference: OODReference | None = None,
) -> Answer:
    """Answer a question.

    Args:
        index: What is searched.
        dataset: Whose images it holds.
        embeddings: It was built from; liked images are looked up in them, so without any it may be
            None.
        classes: The model's C, one an output of its classifier.
        asked: The question.
        wanted: Which matches.
        ood_reference: What held-out images get, if it is known.

    Raises:
        WorkbenchError: The images cancel each other out.
        ValueError: There is nothing to search by.
    """
    started = time.perf_counter()
    vectors = _vectors(asked, embeddings, index.store.dimension)
    matches = search(index.store, dataset, vectors, wanted, asked.own_ids)
    took = time.perf_counter() - started
    neighbors = search(index.store, dataset, vectors, NEIGHBORS, asked.own_ids)
    labels = [match.image.label if match.image is not None else None for match in neighbors]
    return Answer(
        prediction=_prediction(asked, classes),
        vote=vote(labels, [match.similarity for match in neighbors]),
        matches=matches,
        standing=_standing(asked, neighbors, ood_reference),
        seconds={"search": took},
    )


def _vectors(
    asked: EmbeddedQuestion, embeddings: Embeddings | None, dimension: int
) -> NDArray[np.float32]:
    """Return the (P, D) or (1, D) float32 unit rows that are searched by."""
    nothing = np.empty((0, dimension), np.float32)

    def given(is_wanted: bool) -> NDArray[np.float32]:
        chosen = [
            vector
            for vector, wanted in zip(asked.embeddings, asked.is_wanted, strict=True)
            if wanted == is_wanted
        ]
        return np.stack(chosen) if chosen else nothing

    def indexed(ids: Sequence[int]) -> NDArray[np.float32]:
        if embeddings is None or not ids:
            return nothing
        rows = embeddings.rows_of(np.array(sorted(ids), np.int64))
        return np.ascontiguousarray(embeddings.vectors[rows], np.float32)

    unwanted = np.concatenate([given(False), indexed(asked.unliked)])
    return blend(given(True), indexed(asked.liked), unwanted, asked.blend)


def _prediction(asked: EmbeddedQuestion, classes: Sequence[str]) -> list[tuple[str, float]]:
    wanted = [
        shares for shares, use in zip(asked.probabilities, asked.is_wanted, strict=True) if use
    ]
    if not wanted:
        return []
    mean = np.mean(wanted, axis=0)
    return [(classes[c], float(mean[c])) for c in np.argsort(-mean, kind="stable")]


def _standing(
    asked: EmbeddedQuestion, neighbors: Sequence[Match], ood_reference: OODReference | None
) -> OutOfDistribution | None:
    if ood_reference is None or not neighbors or not asked.is_one_image:
        return None
    similarity = neighbors[0].similarity
    return OutOfDistribution(
        similarity,
        ood_reference.percentile(similarity),
        ood_reference.is_out_of_distribution(similarity),
        ood_reference.is_borderline(similarity),
        ood_reference.held_out,
    )
