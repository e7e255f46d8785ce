"""Nearest neighbors of each image, without copies, and outlier scores; all checks use them.

Exact copies of an image are not its neighbors, and of several copies only one is a neighbor of
other images: otherwise a copied wrong label would confirm itself.

Shapes, in this file: N images, U different contents, D embedding dimensions, K neighbors.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.indexes import neighbors as of_vectors
from core.progress import Work


@dataclass(frozen=True, slots=True)
class Neighbors:
    """The nearest other images of each image."""

    rows: NDArray[np.int32]
    """(N, K) rows of the nearest images, most similar first, all with different content."""

    similarities: NDArray[np.float32]
    """(N, K) cosine similarities in [-1, 1]."""

    contents: NDArray[np.int32]
    """(N,) the first row with the same bytes: the image's own unless it is a copy."""

    @property
    def originals(self) -> NDArray[np.int32]:
        """(U,) the first row of each content, ascending."""
        return np.unique(self.contents)


def find_neighbors(
    vectors: NDArray[np.float32], sha256s: NDArray[np.uint8], k: int
) -> Work[Neighbors]:
    """Find the nearest neighbors of each image.

    Args:
        vectors: (N, D) float32 unit rows; may be memory-mapped.
        sha256s: (N, 32) uint8, SHA-256 of each image; zeros where it is unknown.
        k: Number of neighbors; fewer if there are not enough other contents.
    """
    contents = first_rows(sha256s)
    originals, places = np.unique(contents, return_inverse=True)
    base = vectors if len(originals) == len(vectors) else vectors[originals]
    near = yield from of_vectors.find_neighbors(base, min(k, len(base) - 1))
    return Neighbors(originals[near.rows][places], near.similarities[places], contents)


def first_rows(sha256s: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Return (N,) the first row with the hash of each of (N, 32); rows of zeros all differ."""
    known = np.flatnonzero(sha256s.any(axis=1))
    first = np.arange(len(sha256s), dtype=np.int32)
    if len(known):
        keys = np.ascontiguousarray(sha256s[known]).view(f"V{sha256s.shape[1]}").ravel()
        _, at, inverse = np.unique(keys, return_index=True, return_inverse=True)
        first[known] = known[at][inverse]
    return first


MAX_COMPARED = 10
"""Neighbors in the mean: enough that a few similar outliers do not hide each other, and few enough
that not all images of a small class score high. `benchmarks/quality.py` compares the score with the
local outlier factor."""


def outlierness(neighbors: Neighbors) -> NDArray[np.float32]:
    """Return (N,) float32 outlier scores in [0, 2].

    An image has 0 with identical neighbors, 1 with unrelated ones. It is the mean cosine distance
    to the k nearest neighbors, the *weight* of Angiulli & Pizzuti (*Fast Outlier Detection in High
    Dimensional Spaces*, 2002).
    """
    near = neighbors.similarities[:, :MAX_COMPARED]
    distances: NDArray[np.float32] = (1 - near.mean(axis=1)).astype(np.float32)
    return distances
