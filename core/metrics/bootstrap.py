"""How sure a mean is: percentile intervals of the bootstrap over queries.

Shapes, in this file: Q queries, M measures, B replicates.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COVERED = 0.95
"""Share of the replicates that an interval holds."""

VALUES_AT_ONCE = 1 << 22
"""Weights that are in memory together."""


@dataclass(frozen=True, slots=True)
class Estimates:
    """The means of some measures, and where 95 % of the resampled means lie."""

    mean: NDArray[np.float64]
    """(M,) over the queries as they are."""

    low: NDArray[np.float64]
    """(M,) the 2.5th percentile; NaN without replicates."""

    high: NDArray[np.float64]
    """(M,) the 97.5th percentile; NaN without replicates."""


def bootstrap(
    values: NDArray[np.float64], groups: NDArray[np.int64], replicates: int, seed: int
) -> tuple[Estimates, Estimates]:
    """Return the means over all queries, and the means over the groups' means (macro).

    Queries are drawn anew with replacement, as many as there are, and the interval is that of the
    percentiles (Efron & Tibshirani 1993, 13.3). In a replicate the macro mean is that over the
    groups of which a query was drawn: how many queries a group has is part of what is drawn.

    The same seed draws the same queries, so two differences over the same queries can be held
    against each other.

    Args:
        values: (Q, M) float64; of a paired comparison the differences.
        groups: (Q,) the group (class) of each query, any numbers.
        replicates: B; 0 for the means alone.
        seed: Fixes what is drawn.

    Raises:
        ValueError: There are no queries.
    """
    if not len(values):
        raise ValueError("there are no queries to take a mean of")
    _, groups = np.unique(groups, return_inverse=True)
    means = [each @ values for each in _shares(np.ones((1, len(values))), groups)]
    drawn: list[list[NDArray[np.float64]]] = [[], []]
    draws = np.random.default_rng(seed)
    at_once = max(1, VALUES_AT_ONCE // len(values))
    for start in range(0, replicates, at_once):
        weights = np.stack(
            [
                np.bincount(draws.integers(len(values), size=len(values)), minlength=len(values))
                for _ in range(min(at_once, replicates - start))
            ]
        )
        for kept, shares in zip(drawn, _shares(weights.astype(np.float64), groups), strict=True):
            kept.append(shares @ values)
    over_queries, over_groups = (
        _estimates(mean[0], kept) for mean, kept in zip(means, drawn, strict=True)
    )
    return over_queries, over_groups


def _shares(
    weights: NDArray[np.float64], groups: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what each query counts for, (B, Q) that add up to 1: as it is, and in its group."""
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    totals = np.add.reduceat(weights[:, order], starts, axis=1)
    num_drawn = (totals > 0).sum(axis=1, keepdims=True)
    in_groups = weights / np.maximum(totals, 1)[:, groups] / num_drawn
    return weights / weights.shape[1], in_groups


def _estimates(mean: NDArray[np.float64], kept: list[NDArray[np.float64]]) -> Estimates:
    if not kept:
        nothing = np.full(mean.shape, np.nan)
        return Estimates(mean, nothing, nothing)
    tail = 100 * (1 - COVERED) / 2
    low, high = np.percentile(np.concatenate(kept), [tail, 100 - tail], axis=0)
    return Estimates(mean, low, high)
