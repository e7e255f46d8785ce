"""Scores of rankings: the measures of each query and the confusion of classes.

Shapes, in this file: Q queries, C classes, K ranks.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.evaluation.config import CONFUSED_RANKS
from core.evaluation.protocol import RetrievalTask
from core.evaluation.ranking import RankedBlock
from core.evaluation.system import Classifier
from core.metrics.measures import Measured, measure

MAX_DEPTH = 1000
"""Most ranks of mAP@R and R-precision; a larger R counts as this one."""

SAVED_RANKS = 20
"""Ranks whose images are saved with the evaluation."""


def depth_of(task: RetrievalTask, ranks: tuple[int, ...]) -> int:
    """Return the number of ranks that exact search needs."""
    return max(*ranks, min(int(task.num_relevant.max()), MAX_DEPTH))


@dataclass(slots=True)
class Scoring:
    """Scores of the queries that were ranked so far."""

    task: RetrievalTask
    ranks: tuple[int, ...]
    to_r: bool
    """Whether the rankings are deep enough for the measures at R."""

    matches: list[NDArray[np.int64]] = field(default_factory=list)
    """(B, at most `SAVED_RANKS`) places in the gallery, of each block."""

    _parts: list[Measured] = field(default_factory=list)
    _confusion: NDArray[np.int64] | None = None

    def add(self, block: RankedBlock) -> None:
        """Measure a block of queries and save their first ranks."""
        retrieved, expected = block.classes(self.task), self.task.query_classes[block.queries]
        num_relevant = self.task.num_relevant[block.queries]
        self._parts.append(measure(retrieved, expected, num_relevant, self.ranks, to_r=self.to_r))
        self.matches.append(block.ranked[:, :SAVED_RANKS].copy())
        size = len(self.task.classes)
        first = retrieved[:, :CONFUSED_RANKS]
        pairs = (expected[:, None] * size + first)[first >= 0]
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
        """(C, C) number of results of the column's class at 10 ranks of the row's queries."""
        size = len(self.task.classes)
        if self._confusion is None:
            return np.zeros((size, size), np.int64)
        return self._confusion.reshape(size, size)


def classified(
    task: RetrievalTask, classifier: Classifier | None, vectors: NDArray[np.float32]
) -> tuple[Measured, list[str]]:
    """Classify the queries by the model's classifier.

    Args:
        task: The queries.
        classifier: Of the model, if it has one.
        vectors: (Q, D) float32 unit rows, the queries' embeddings before whitening.

    Returns:
        The measure `classifier_accuracy`, and the predicted class of each query. Both are empty
        without a classifier, or if it does not know a query's class.
    """
    known = {task.classes[number] for number in np.unique(task.query_classes)}
    if classifier is None or not known <= set(classifier.classes):
        return {}, []
    predicted = [classifier.classes[place] for place in classifier.classify(vectors)]
    expected = [task.classes[number] for number in task.query_classes]
    return {"classifier_accuracy": (np.array(predicted) == expected).astype(np.float64)}, predicted
