"""Two evaluations by one protocol: by how much one is better, and for which queries.

Shapes, in this file: Q queries that both have, M measures that both have.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.errors import WorkbenchError
from core.evaluation.files import Evaluation
from core.metrics.bootstrap import bootstrap

HEADLINES = ("map_at_10", "recall_at_1")
"""What is told first of any evaluation."""

DECIMALS = 9
"""Differences beyond are what files and sums have rounded, and no query is better by them."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a second evaluation reaches beyond a first, over the queries of both."""

    differences: pd.DataFrame
    """A row a measure: measure, first, second, difference, low, high, and the same over classes
    (`…_macro`). low and high are the 95 % interval of the difference."""

    queries: pd.DataFrame
    """A row a query: image_id, path, label, first_matches, second_matches; `MEASURE_first`,
    `MEASURE_second` and `MEASURE` (their difference) for each measure."""

    measures: list[str]


def compare(first: Evaluation, second: Evaluation, replicates: int, seed: int) -> Comparison:
    """Hold two evaluations against each other, query by query.

    The queries are resampled in pairs (Sakai 2006): both evaluations are judged by the same draws,
    so what all find hard or easy cancels out.

    Args:
        first: What is started from.
        second: What is compared with it; a positive difference says that this one is better.
        replicates: Of the bootstrap.
        seed: Fixes what it draws.

    Raises:
        WorkbenchError: They have no query or no measure in common.
    """
    measures = [name for name in first.measures if name in second.measures]
    of_first = first.queries.rename(columns={name: f"{name}_first" for name in measures})
    of_second = second.queries.rename(columns={name: f"{name}_second" for name in measures})
    kept = [f"{name}_second" for name in measures]
    both = of_first.merge(
        of_second[["image_id", *kept, "matches"]], on="image_id", suffixes=("_first", "_second")
    )
    if both.empty or not measures:
        raise WorkbenchError(
            "These two evaluations have no query in common.",
            "Evaluate both anew, with the same images as queries.",
        )
    differences = {
        name: (both[f"{name}_second"] - both[f"{name}_first"]).round(DECIMALS) + 0.0
        for name in measures  # Adding 0 makes of -0 a 0
    }
    values = np.column_stack([*differences.values()])
    groups = np.unique(both["label"].to_numpy(str), return_inverse=True)[1]
    table = pd.DataFrame({"measure": measures})
    found = bootstrap(values, groups, replicates, seed)
    for ending, estimates in zip(("", "_macro"), found, strict=True):
        table[f"difference{ending}"] = estimates.mean
        table[f"low{ending}"], table[f"high{ending}"] = estimates.low, estimates.high
    for side in ("first", "second"):
        table[side] = [float(both[f"{name}_{side}"].mean()) for name in measures]
    renamed = both.rename(
        columns={"matches_first": "first_matches", "matches_second": "second_matches"}
    )
    return Comparison(table, pd.concat([renamed, pd.DataFrame(differences)], axis=1), measures)


def changed(comparison: Comparison, measure: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the queries that the second does better, the most first, and those it does worse."""
    queries = comparison.queries
    better = queries[queries[measure] > 0].sort_values(measure, ascending=False, kind="stable")
    worse = queries[queries[measure] < 0].sort_values(measure, kind="stable")
    return better, worse
