"""Comparison of two evaluations by one protocol, query by query.

Shapes, in this file: Q queries and M measures of both evaluations.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.errors import WorkbenchError
from core.evaluation.files import Evaluation
from core.metrics.bootstrap import bootstrap

HEADLINES = ("map_at_10", "recall_at_1")
"""The measures that summarize an evaluation."""

DECIMALS = 9
"""Decimals of a difference; smaller ones come from rounding in files and sums."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Differences of a second evaluation from a first, over the queries of both."""

    differences: pd.DataFrame
    """A row a measure: measure, first, second, difference, low and high, its 95 % CI (bootstrap);
    the last three also as macro averages (`…_macro`)."""

    queries: pd.DataFrame
    """A row a query: image_id, path, label, first_matches, second_matches; for each measure
    `MEASURE_first`, `MEASURE_second` and `MEASURE`, their difference."""

    measures: list[str]


def compare(first: Evaluation, second: Evaluation, replicates: int, seed: int) -> Comparison:
    """Compare two evaluations by a paired bootstrap (Sakai 2006).

    Both are averaged over the same resampled queries, so that the difficulty of a query cancels
    out.

    Args:
        first: The reference.
        second: The evaluation to compare; a positive difference means that it is better.
        replicates: Bootstrap samples.
        seed: Random seed of the bootstrap.

    Raises:
        WorkbenchError: They have no common query or measure.
    """
    measures = [name for name in first.measures if name in second.measures]
    of_second = second.queries[["image_id", *measures, "matches"]]
    both = first.queries.merge(of_second, on="image_id", suffixes=("_first", "_second"))
    if both.empty or not measures:
        raise WorkbenchError(
            "These two evaluations have no query in common.",
            "Evaluate both again with the same query split.",
        )
    differences = {
        name: (both[f"{name}_second"] - both[f"{name}_first"]).round(DECIMALS) + 0.0
        for name in measures  # Adding 0 turns -0 into 0
    }
    values = np.column_stack([*differences.values()])
    groups = np.unique(both["label"].to_numpy(str), return_inverse=True)[1]
    table = pd.DataFrame({"measure": measures})
    averages = bootstrap(values, groups, replicates, seed)
    for ending, estimates in zip(("", "_macro"), averages, strict=True):
        table[f"difference{ending}"] = estimates.mean
        table[f"low{ending}"], table[f"high{ending}"] = estimates.low, estimates.high
    for side in ("first", "second"):
        table[side] = [float(both[f"{name}_{side}"].mean()) for name in measures]
    renamed = both.rename(
        columns={"matches_first": "first_matches", "matches_second": "second_matches"}
    )
    return Comparison(table, pd.concat([renamed, pd.DataFrame(differences)], axis=1), measures)


def changed(comparison: Comparison, measure: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the queries that improved and those that got worse, the largest changes first."""
    queries = comparison.queries
    better = queries[queries[measure] > 0].sort_values(measure, ascending=False, kind="stable")
    worse = queries[queries[measure] < 0].sort_values(measure, kind="stable")
    return better, worse
