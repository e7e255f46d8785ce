"""What every vector index can do, whichever engine is behind it.

Shapes, in this file: Q queries, D embedding dimensions, K results, B images.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from core.embeddings.unit_rows import check_unit_rows
from core.errors import WorkbenchError

MAX_MATCHES = 1000
"""Maximum number of matches of one query."""


class Matches(NamedTuple):
    """The indexed images nearest to one query, best first."""

    image_ids: NDArray[np.int64]
    """(K,) catalog ids."""

    similarities: NDArray[np.float32]
    """(K,) cosine similarities in [-1, 1], descending; kinds that compress estimate them."""


@dataclass(frozen=True, slots=True)
class Effort:
    """What a search can be made more thorough by."""

    name: str
    """nprobe or efSearch."""

    value: int
    """What it is when nothing else is asked for."""

    most: int
    """More than this makes no difference."""


class VectorStore(Protocol):
    """Searches embeddings by cosine similarity."""

    @property
    def count(self) -> int:
        """How many images are indexed."""

    @property
    def dimension(self) -> int:
        """D, the length of an embedding."""

    @property
    def effort(self) -> Effort | None:
        """What a search can be made more thorough by; None where it is exact."""

    def search(
        self,
        queries: NDArray[np.float32],
        k: int,
        *,
        subset: NDArray[np.int64] | None = None,
        labels: tuple[str, ...] = (),
        effort: int | None = None,
    ) -> list[Matches]:
        """Find the `k` images nearest to each query.

        An approximate index may find fewer than `k`; none is ever invented to fill the row.

        Args:
            queries: (Q, D) float32, unit length.
            k: Neighbors wanted for each query, at least 1; more than are indexed gives all.
            subset: Catalog ids that may be found; None for all.
            labels: The classes whose images `subset` are, where it is just those of some classes: a
                store that keeps classes goes by them.
            effort: nprobe or efSearch for this search; None for what the index was built with.

        Returns:
            One `Matches` a query, in query order.
        """

    def add(
        self,
        vectors: NDArray[np.float32],
        image_ids: NDArray[np.int64],
        labels: tuple[str, ...] = (),
    ) -> None:
        """Index more images; those whose id is indexed already are replaced.

        Args:
            vectors: (B, D) float32 unit rows.
            image_ids: (B,) catalog ids, each once.
            labels: The class of each, "" for none, for a store that keeps classes; () for none.
        """

    def remove(self, image_ids: NDArray[np.int64]) -> int:
        """Take images out, and return how many of them were indexed."""


def check_search(dimension: int, queries: NDArray[np.float32], k: int, effort: int | None) -> None:
    """Refuse what no store can answer.

    Args:
        dimension: D, of the store.
        queries: (Q, D) float32, as they were asked.
        k: Neighbors wanted.
        effort: What is asked for instead of the store's own.

    Raises:
        WorkbenchError: The queries come from another model: their length differs.
        ValueError: `k` or `effort` is below 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    if effort is not None and effort < 1:
        raise ValueError(f"effort must be at least 1, got {effort}")
    if queries.shape[1] != dimension:
        raise WorkbenchError(
            f"The index holds {dimension}-dimensional embeddings, "
            f"the query has {queries.shape[1]}.",
            "Embed the query with the model that the index was made with.",
        )


def check_added(dimension: int, vectors: NDArray[np.float32]) -> None:
    """Refuse (B, D) embeddings that no store of `dimension` can take in.

    Raises:
        WorkbenchError: They are of another model, or not of unit length.
    """
    if vectors.shape[1] != dimension:
        raise WorkbenchError(
            f"The index holds {dimension}-dimensional embeddings, "
            f"the new ones have {vectors.shape[1]}.",
            "Embed the images with the model that the index was made with.",
        )
    check_unit_rows(vectors)


def nothing() -> Matches:
    """Return the answer of a store that finds no image."""
    return Matches(np.empty(0, np.int64), np.empty(0, np.float32))
