"""From rankings to numbers: measures of each query, and what the queries of a class found.

Shapes, in this file: Q queries, C classes, K ranks.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.evaluation.config import CONFUSED_RANKS
from core.evaluation.protocol import RetrievalTask
from core.evaluation.ranking import Stretch
from core.evaluation.system import Classifier
from core.metrics.measures import Measured, measure

DEEPEST = 1000
"""mAP@R and R-precision look at R ranks, but at no more than this; where R is greater, they count
as if R were this."""

KEPT = 20
"""Ranks whose images are kept, to be looked at."""


def depth_of(task: RetrievalTask, ranks: tuple[int, ...]) -> int:
    """Return how many ranks an exact search has to give."""
    return max(*ranks, min(int(task.num_relevant.max()), DEEPEST))


@dataclass(slots=True)
class Scoring:
    """What is known of the queries that were searched for so far."""

    task: RetrievalTask
    ranks: tuple[int, ...]
    to_r: bool
    """Whether the rankings are deep enough for the measures that look at R ranks."""

    matches: list[NDArray[np.int64]] = field(default_factory=list)
    """(B, at most `KEPT`) places in the gallery, of each stretch."""

    _parts: list[Measured] = field(default_factory=list)
    _confusion: NDArray[np.int64] | None = None

    def add(self, stretch: Stretch) -> None:
        """Measure some queries; of what they found only the first ranks are kept."""
        classes, wanted = stretch.classes(self.task), self.task.wanted[stretch.queries]
        relevant = self.task.num_relevant[stretch.queries]
        self._parts.append(measure(classes, wanted, relevant, self.ranks, to_r=self.to_r))
        self.matches.append(stretch.found[:, :KEPT].copy())
        size = len(self.task.classes)
        first = classes[:, :CONFUSED_RANKS]
        pairs = (wanted[:, None] * size + first)[first >= 0]
        counts = np.bincount(pairs, minlength=size * size)
        self._confusion = counts if self._confusion is None else self._confusion + counts

    @property
    def measured(self) -> Measured:
        """Every measure of every query."""
        return {
            name: np.concatenate([part[name] for part in self._parts]) for name in self._parts[0]
        }

    @property
    def confusion(self) -> NDArray[np.int64]:
        """(C, C) how many images of a column's class the queries of a row's found at 10 ranks."""
        size = len(self.task.classes)
        if self._confusion is None:
            return np.zeros((size, size), np.int64)
        return self._confusion.reshape(size, size)


def classified(
    task: RetrievalTask, classifier: Classifier | None, vectors: NDArray[np.float32]
) -> tuple[Measured, list[str]]:
    """Say whether the model's classifier names each query's class.

    Args:
        task: Who asks.
        classifier: The model's, if it has one.
        vectors: (Q, D) float32 unit rows, the queries' embeddings before whitening.

    Returns:
        The measure `classifier_accuracy`, and the name given to each query; both empty where there
        is no classifier, or a query's class is none of its.
    """
    asked = {task.classes[number] for number in np.unique(task.wanted)}
    if classifier is None or not asked <= set(classifier.classes):
        return {}, []
    named = [classifier.classes[place] for place in classifier.classify(vectors)]
    wanted = [task.classes[number] for number in task.wanted]
    return {"classifier_accuracy": (np.array(named) == wanted).astype(np.float64)}, named
