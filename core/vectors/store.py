"""What every vector index can do, whichever engine is behind it.

Shapes, in this file: Q queries, D embedding dimensions, K results.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Matches:
    """The indexed images nearest to one query, best first."""

    image_ids: NDArray[np.int64]
    """(K,) catalog ids."""

    similarities: NDArray[np.float32]
    """(K,) cosine similarities in [-1, 1], descending."""


class VectorStore(Protocol):
    """Searches embeddings by cosine similarity."""

    @property
    def count(self) -> int:
        """How many images are indexed."""

    @property
    def dimension(self) -> int:
        """D, the length of an embedding."""

    def search(
        self, queries: NDArray[np.float32], k: int, *, among: NDArray[np.int64] | None = None
    ) -> list[Matches]:
        """Find the `k` images nearest to each query.

        An approximate index may find fewer than `k`; none is ever invented to fill the row.

        Args:
            queries: (Q, D) float32, unit length.
            k: Neighbours wanted for each query, at least 1; more than are indexed gives all.
            among: Catalog ids that may be found; None for all.

        Returns:
            One `Matches` a query, in query order.
        """
