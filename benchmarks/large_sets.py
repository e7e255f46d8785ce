"""Large sets of vectors distributed as real embeddings: real ones, resampled with noise.

Shapes, in this file: N vectors, D dimensions, C clusters, Q queries.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.artifacts.folders import list_artifacts
from core.embeddings.exact_search import nearest_rows
from core.embeddings.files import open_embeddings
from core.progress import finish
from core.workspace import Workspace

NUM_CLUSTERS = 10_000
SPREAD_DIMENSIONS = 32
"""Directions in which the members of a cluster differ. The estimated intrinsic dimension is a
little lower, as it is for finite samples."""

NUM_BASES = 64
SPREAD = 0.6
BLOCK = 1 << 16


class LargeSet:
    """Vectors drawn around real embeddings; any block of them can be drawn again."""

    def __init__(self, real: NDArray[np.float32], seed: int = 0) -> None:
        """Choose the centers of the clusters from (M, D) real unit rows, with replacement."""
        draw = np.random.default_rng(seed)
        self.centers = real[draw.integers(0, len(real), NUM_CLUSTERS)]
        dimension = real.shape[1]
        spread = min(SPREAD_DIMENSIONS, dimension)
        self.bases = np.stack(
            [np.linalg.qr(draw.normal(size=(dimension, spread)))[0].T for _ in range(NUM_BASES)]
        ).astype(np.float32)
        self.seed = seed

    def block(self, number: int, count: int) -> NDArray[np.float32]:
        """Return the vectors of one block: (count, D) float32 unit rows."""
        draw = np.random.default_rng((self.seed, number))
        return self.around(draw.integers(0, NUM_CLUSTERS, count), draw)

    def around(self, clusters: NDArray[np.int64], draw: np.random.Generator) -> NDArray[np.float32]:
        """Return a vector of each of (N,) clusters: (N, D) float32 unit rows."""
        spread = self.bases.shape[1]
        moves = draw.normal(size=(len(clusters), spread)).astype(np.float32)
        moves *= SPREAD / spread**0.5
        points = self.centers[clusters].copy()
        for base in range(NUM_BASES):
            members = clusters % NUM_BASES == base
            points[members] += moves[members] @ self.bases[base]
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        return points

    def vectors(self, count: int) -> NDArray[np.float32]:
        """Return `count` vectors: (N, D) float32 unit rows."""
        starts = range(0, count, BLOCK)
        return np.concatenate(
            [self.block(number, min(BLOCK, count - at)) for number, at in enumerate(starts)]
        )

    def queries(self, count: int) -> NDArray[np.float32]:
        """Return vectors of the same kind that are in no set: (Q, D) float32 unit rows."""
        return self.block(1 << 40, count)


def intrinsic_dimension(
    vectors: NDArray[np.float32], queries: NDArray[np.float32], k: int = 20
) -> float:
    """Estimate the intrinsic dimension near the queries (Levina & Bickel 2004)."""
    _, similarities = finish(nearest_rows(vectors, queries, k))
    distances = np.sqrt(np.maximum(2 - 2 * similarities.astype(np.float64), 1e-12))
    inverse = np.log(distances[:, -1:] / distances[:, :-1]).mean(axis=1)
    return float(1 / inverse.mean())


def real_embeddings(home: Path) -> NDArray[np.float32]:
    """Return the newest embeddings of a workspace in memory: (M, D) float32 unit rows."""
    workspace = Workspace(home)
    made, _ = list_artifacts(workspace.embeddings)
    if not made:
        raise SystemExit(f"There are no embeddings in {home}: embed a dataset first.")
    return np.array(open_embeddings(workspace, made[0].id).vectors)


def read_large_set(
    description: str | None, num_queries: int, k: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """Read `--home` and `--count`, draw a set around the embeddings there, and describe it.

    Args:
        description: Of the command, for `--help`.
        num_queries: Q.
        k: Number of exact neighbors of each query.

    Returns:
        (N, D) and (Q, D) float32 unit rows, the set and the queries, and the (Q, k) int64 rows of
        the set that are nearest to each query.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--count", type=int, default=1_000_000)
    options = parser.parse_args()
    large = LargeSet(real_embeddings(options.home))
    vectors, queries = large.vectors(options.count), large.queries(num_queries)
    exact, _ = finish(nearest_rows(vectors, queries, k))
    print(
        f"{options.count:,} vectors around {NUM_CLUSTERS:,} real ones, {vectors.shape[1]} "
        f"dimensions, intrinsic dimension {intrinsic_dimension(vectors, queries):.1f}",
        flush=True,
    )
    return vectors, queries, exact
