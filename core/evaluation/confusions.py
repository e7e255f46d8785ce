"""Confusion of classes: the classes of the images that the queries of each class retrieve.

Shapes, in this file: C classes shown.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.datasets.catalog import Catalog
from core.evaluation.config import CONFUSED_RANKS
from core.evaluation.files import Evaluation


@dataclass(frozen=True, slots=True)
class Confusions:
    """Confusion matrix of some classes."""

    labels: list[str]
    shares: NDArray[np.float64]
    """(C, C) float64 in [0, 1]: the share of the column's class among the first 10 results of the
    row's queries. A row sums to 1 if the classes that are left out are added."""


def confused_pairs(evaluation: Evaluation) -> pd.DataFrame:
    """Return the pairs of different classes that are confused, the largest share first.

    Returns:
        Columns label (query class), retrieved (class), count, and share of the results of
        the queries of `label`.
    """
    shares = _with_shares(evaluation.confusion)
    others = shares[shares["label"] != shares["retrieved"]]
    return others.sort_values("share", ascending=False, kind="stable", ignore_index=True)


def confusions(evaluation: Evaluation, num_classes: int) -> Confusions:
    """Return the confusion matrix of the `num_classes` most confused classes, in order of name."""
    pairs = confused_pairs(evaluation)
    ranked = dict.fromkeys(
        label for pair in zip(pairs["label"], pairs["retrieved"], strict=True) for label in pair
    )
    classes = dict.fromkeys([*ranked, *evaluation.confusion["label"]])
    labels = sorted(list(classes)[:num_classes])
    shares = _with_shares(evaluation.confusion)
    shown = shares[shares["label"].isin(labels) & shares["retrieved"].isin(labels)]
    matrix = shown.pivot(index="label", columns="retrieved", values="share")
    matrix = matrix.reindex(index=labels, columns=labels).fillna(0)
    return Confusions(labels, matrix.to_numpy(np.float64))


def _with_shares(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs with each one's share of the results of the queries of its label."""
    totals = pairs.groupby("label")["count"].transform("sum")
    return pairs.assign(share=pairs["count"] / totals)


def queries_of_pair(
    evaluation: Evaluation, label: str, retrieved: str, catalog: Catalog
) -> pd.DataFrame:
    """Return the queries of a class that retrieved another class, the most affected first.

    They are rows of `evaluation.queries` with `num_found`, the number of images among the first ten
    results whose class in the catalog is now `retrieved`.
    """
    queries = evaluation.queries[evaluation.queries["label"] == label]
    results = [[int(i) for i in ids.split()[:CONFUSED_RANKS]] for ids in queries["matches"]]
    rows = catalog.rows_by_id({image_id for ids in results for image_id in ids})
    counts = [sum(i in rows and rows[i].label == retrieved for i in ids) for ids in results]
    counted = queries.assign(num_found=counts)
    return counted[counted["num_found"] > 0].sort_values(
        "num_found", ascending=False, kind="stable"
    )
