"""Scores of rankings, and their tables: queries, classes and confusion, written as CSV.

Shapes, in this file: Q queries, C classes, K ranks.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from core.evaluation.config import CLASSES, CONFUSED_RANKS, CONFUSION, QUERIES
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

    confusion: NDArray[np.int64] = field(init=False)
    """(C, C) number of results of the column's class at 10 ranks of the row's queries."""

    _parts: list[Measured] = field(default_factory=list)

    def __post_init__(self) -> None:
        size = len(self.task.classes)
        self.confusion = np.zeros((size, size), np.int64)

    def add(self, block: RankedBlock) -> None:
        """Measure a block of queries and save their first ranks."""
        retrieved, expected = block.classes(self.task), self.task.query_classes[block.queries]
        num_relevant = self.task.num_relevant[block.queries]
        self._parts.append(measure(retrieved, expected, num_relevant, self.ranks, to_r=self.to_r))
        self.matches.append(block.ranked[:, :SAVED_RANKS].copy())
        size = len(self.task.classes)
        first = retrieved[:, :CONFUSED_RANKS]
        pairs = (expected[:, None] * size + first)[first >= 0]
        self.confusion += np.bincount(pairs, minlength=size * size).reshape(size, size)

    @property
    def measured(self) -> Measured:
        """Every measure of every query."""
        return {
            name: np.concatenate([part[name] for part in self._parts]) for name in self._parts[0]
        }


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


def write_tables(
    folder: Path, task: RetrievalTask, measured: Measured, scoring: Scoring, classified: list[str]
) -> None:
    """Write the tables: a row a query, a row a class, and a row a pair of confused classes.

    `classified` has the predicted class of each query; it is empty without a classifier.
    """
    labels = [str(row.label) for row in task.queries]
    queries = pd.DataFrame(
        {
            "image_id": task.query_ids,
            "path": [row.path for row in task.queries],
            "label": labels,
            "num_relevant": task.num_relevant,
            **measured,
            **({"classified_as": classified} if classified else {}),
            "matches": _matches(task, np.concatenate(scoring.matches)),
        }
    )
    _write(queries, folder / QUERIES)
    classes = queries.groupby("label", as_index=False)[list(measured)].mean()
    classes.insert(1, "num_queries", queries.groupby("label").size().to_numpy())
    in_gallery = np.bincount(task.gallery_classes, minlength=len(task.classes))
    sizes = dict(zip(task.classes, in_gallery.tolist(), strict=True))
    classes.insert(2, "num_gallery", classes["label"].map(sizes))
    confused = _most_confused(task.classes, scoring.confusion)
    classes["most_confused"] = classes["label"].map(confused)
    _write(classes, folder / CLASSES)
    _write(_pairs(task.classes, scoring.confusion), folder / CONFUSION)


def _write(table: pd.DataFrame, path: Path) -> None:
    """Write a CSV by pyarrow; pandas takes ten times as long, 15 s for 100,000 queries."""
    rows = pa.Table.from_pandas(table, preserve_index=False)
    csv.write_csv(rows, path, csv.WriteOptions(quoting_style="needed"))


def _matches(task: RetrievalTask, places: NDArray[np.int64]) -> list[str]:
    """Return the catalog ids of each query's results, most similar first, separated by spaces."""
    ids = np.where(places < 0, -1, task.gallery_ids[places])
    return [" ".join(map(str, row[row >= 0].tolist())) for row in ids]


def _most_confused(classes: list[str], confusion: NDArray[np.int64]) -> dict[str, str]:
    """Return class → the other class that its queries retrieve most often; "" for none."""
    others = confusion.copy()
    np.fill_diagonal(others, 0)
    most = others.argmax(axis=1)
    return {
        label: classes[most[row]] if others[row, most[row]] else ""
        for row, label in enumerate(classes)
    }


def _pairs(classes: list[str], confusion: NDArray[np.int64]) -> pd.DataFrame:
    rows, columns = np.nonzero(confusion)
    return pd.DataFrame(
        {
            "label": [classes[row] for row in rows],
            "retrieved": [classes[column] for column in columns],
            "count": confusion[rows, columns],
        }
    )
