"""The table that all finders share: which other images are nearest to each image.

An image's exact copies are no neighbors of it, and of several copies only one is a neighbor of
others: a copied wrong label must not vouch for itself.

Shapes, in this file: N images, U different contents, D embedding dimensions, K neighbors.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.indexes.neighbors import nearest_others
from core.progress import Work


@dataclass(frozen=True, slots=True)
class Neighbors:
    """The nearest other images of each image."""

    rows: NDArray[np.int32]
    """(N, K) rows of the images nearest to each, most similar first; each of another content."""

    similarities: NDArray[np.float32]
    """(N, K) cosine similarities in [-1, 1]."""

    contents: NDArray[np.int32]
    """(N,) for each image the first row that has the same bytes: its own if it is no copy."""

    @property
    def originals(self) -> NDArray[np.int64]:
        """(U,) the rows that stand for their content, ascending."""
        found: NDArray[np.int64] = np.flatnonzero(self.contents == np.arange(len(self.contents)))
        return found


def find_neighbors(
    vectors: NDArray[np.float32], sha256s: NDArray[np.uint8], k: int
) -> Work[Neighbors]:
    """Find the nearest others of each image.

    Args:
        vectors: (N, D) float32 unit rows; may be mapped.
        sha256s: (N, 32) uint8, SHA-256 of each image; zeros where it is not known.
        k: Neighbors wanted; fewer where there are not as many other contents.
    """
    contents = first_rows(sha256s)
    originals = np.flatnonzero(contents == np.arange(len(contents)))
    base = vectors if len(originals) == len(vectors) else vectors[originals]
    found, similarities = yield from nearest_others(base, min(k, len(base) - 1))
    places = np.searchsorted(originals, contents)
    return Neighbors(originals[found].astype(np.int32)[places], similarities[places], contents)


def first_rows(sha256s: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Return for each of (N, 32) hashes the (N,) first row that has it; a row of zeros is alone."""
    known = np.flatnonzero(sha256s.any(axis=1))
    first = np.arange(len(sha256s), dtype=np.int32)
    if len(known):
        keys = np.ascontiguousarray(sha256s[known]).view(f"V{sha256s.shape[1]}").ravel()
        _, at, inverse = np.unique(keys, return_index=True, return_inverse=True)
        first[known] = known[at][inverse]
    return first
