"""Tables of an evaluation: queries, classes and confusion, written as CSV.

Shapes, in this file: Q queries, C classes.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from core.evaluation.config import CLASSES, CONFUSION, QUERIES
from core.evaluation.protocol import RetrievalTask
from core.evaluation.scoring import Scoring
from core.metrics.measures import Measured


def write_tables(
    folder: Path, task: RetrievalTask, measured: Measured, scoring: Scoring, classified: list[str]
) -> None:
    """Write the tables: a row a query, a row a class, and a row a pair of confused classes.

    Args:
        folder: Folder of the evaluation.
        task: The queries and the gallery.
        measured: All measures of all queries.
        scoring: The first ranks and the confusion of classes.
        classified: Predicted class of each query; empty without a classifier.
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
            "found": [classes[column] for column in columns],
            "count": confusion[rows, columns],
        }
    )
