"""What the queries of each class found, as shares: where retrieval mixes classes up.

Shapes, in this file: C classes shown.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.files import Evaluation


@dataclass(frozen=True, slots=True)
class Confusions:
    """Some classes against each other."""

    labels: list[str]
    shares: NDArray[np.float64]
    """(C, C) float64 in [0, 1]: of all that the queries of a row's class found among the first 10
    ranks, the share that is of a column's class. A row adds up to 1 with the classes not shown."""


def confused_pairs(evaluation: Evaluation) -> pd.DataFrame:
    """Return which classes are taken for which others, the largest share first.

    Returns:
        Columns label, found, count and share (of what the queries of `label` found), without the
        pairs of a class with itself.
    """
    pairs = evaluation.confusion
    totals = pairs.groupby("label")["count"].transform("sum")
    found = pairs.assign(share=pairs["count"] / totals)
    others = found[found["label"] != found["found"]]
    return others.sort_values("share", ascending=False, kind="stable", ignore_index=True)


def confusions(evaluation: Evaluation, num_classes: int) -> Confusions:
    """Return the classes that are confused most, with each other.

    The classes are those of the most confused pairs, and stand beside those they are confused
    with as far as their order by name allows.

    Args:
        evaluation: With a confusion.
        num_classes: C, at most; all where there are fewer.
    """
    pairs = confused_pairs(evaluation)
    ranked = dict.fromkeys(
        label for pair in zip(pairs["label"], pairs["found"], strict=True) for label in pair
    )
    everyone = dict.fromkeys([*ranked, *evaluation.confusion["label"]])
    labels = sorted(list(everyone)[:num_classes])
    places = {label: place for place, label in enumerate(labels)}
    totals = evaluation.confusion.groupby("label")["count"].sum()
    shares = np.zeros((len(labels), len(labels)))
    for label, found, count in evaluation.confusion.itertuples(index=False):
        if label in places and found in places:
            shares[places[label], places[found]] = count / totals[label]
    return Confusions(labels, shares)


def queries_of_pair(
    evaluation: Evaluation, label: str, found: str, labels_of: dict[int, str | None], ranks: int
) -> pd.DataFrame:
    """Return the queries of a class that found another one, those that found most of it first.

    Args:
        evaluation: Whose queries.
        label: The class that asks.
        found: The class that was found.
        labels_of: The class of each image that they found.
        ranks: How many ranks count.

    Returns:
        The rows of `evaluation.queries`, with `num_found` beside them.
    """
    asked = evaluation.queries[evaluation.queries["label"] == label]
    counts = [
        sum(labels_of.get(int(image_id)) == found for image_id in ids.split()[:ranks])
        for ids in asked["matches"]
    ]
    counted = asked.assign(num_found=counts)
    return counted[counted["num_found"] > 0].sort_values(
        "num_found", ascending=False, kind="stable"
    )
