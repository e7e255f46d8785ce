"""The tables of an evaluation on disk.

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
    """Write a row a query, a row a class, and a row for each pair of classes that occurs.

    Args:
        folder: Where to.
        task: Who asked.
        measured: Every measure of every query.
        scoring: What was found.
        classified: The name that the classifier gives each query; empty without one.
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
    """Write a CSV; pandas takes ten times as long: a quarter minute for 100,000 queries."""
    rows = pa.Table.from_pandas(table, preserve_index=False)
    csv.write_csv(rows, path, csv.WriteOptions(quoting_style="needed"))


def _matches(task: RetrievalTask, places: NDArray[np.int64]) -> list[str]:
    """Return the catalog ids that each query found, the best first, with spaces between."""
    ids = np.where(places < 0, -1, task.gallery_ids[places])
    return [" ".join(map(str, row[row >= 0].tolist())) for row in ids]


def _most_confused(classes: list[str], confusion: NDArray[np.int64]) -> dict[str, str]:
    """Return, for each class, the other one that its queries find most often; "" for none."""
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
