"""Percentile bootstrap over queries: means of measures with their 95 % confidence intervals.

Shapes, in this file: Q queries, M measures, B replicates.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
"""Share of the replicates within an interval."""

WEIGHTS_IN_MEMORY = 1 << 22
"""Most weights of queries computed at once."""


@dataclass(frozen=True, slots=True)
class Estimates:
    """Means of measures, with their 95 % confidence intervals."""

    mean: NDArray[np.float64]
    """(M,) over the original queries."""

    low: NDArray[np.float64]
    """(M,) the 2.5th percentile; NaN without replicates."""

    high: NDArray[np.float64]
    """(M,) the 97.5th percentile; NaN without replicates."""


def bootstrap(
    values: NDArray[np.float64], groups: NDArray[np.int64], replicates: int, seed: int
) -> tuple[Estimates, Estimates]:
    """Return the means over all queries, and the means over the groups' means (macro).

    Each replicate resamples the queries with replacement, and the interval is that of the
    percentiles (Efron & Tibshirani 1993, 13.3). The macro mean of a replicate is over the groups
    with a resampled query: the size of a group is part of what is resampled.

    The same seed resamples the same queries, so differences over the same queries are comparable.

    Args:
        values: (Q, M) float64; for a paired comparison the differences.
        groups: (Q,) group (class) of each query, any numbers.
        replicates: B; 0 for the means alone.
        seed: Seed of the resampling.

    Raises:
        ValueError: There are no queries.
    """
    if not len(values):
        raise ValueError("there are no queries to take a mean of")
    _, groups = np.unique(groups, return_inverse=True)
    means = [each @ values for each in _shares(np.ones((1, len(values))), groups)]
    resampled: list[list[NDArray[np.float64]]] = [[], []]
    generator = np.random.default_rng(seed)
    size = len(values)
    batch = max(1, WEIGHTS_IN_MEMORY // size)
    for start in range(0, replicates, batch):
        counts = [
            np.bincount(generator.integers(size, size=size), minlength=size)
            for _ in range(min(batch, replicates - start))
        ]
        weights = np.stack(counts).astype(np.float64)
        for parts, shares in zip(resampled, _shares(weights, groups), strict=True):
            parts.append(shares @ values)
    micro, macro = (
        _estimates(mean[0], parts) for mean, parts in zip(means, resampled, strict=True)
    )
    return micro, macro


def _shares(
    weights: NDArray[np.float64], groups: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the (B, Q) shares of the queries in a mean, which sum to 1: micro and macro."""
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    totals = np.add.reduceat(weights[:, order], starts, axis=1)
    num_groups = (totals > 0).sum(axis=1, keepdims=True)
    in_groups = weights / np.maximum(totals, 1)[:, groups] / num_groups
    return weights / weights.shape[1], in_groups


def _estimates(mean: NDArray[np.float64], parts: list[NDArray[np.float64]]) -> Estimates:
    if not parts:
        unknown = np.full(mean.shape, np.nan)
        return Estimates(mean, unknown, unknown)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(np.concatenate(parts), [tail, 100 - tail], axis=0)
    return Estimates(mean, low, high)
