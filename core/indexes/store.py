"""`VectorStore`: what every index can do, whichever library is behind it.

Shapes, in this file: Q queries, D embedding dimensions, K results, B images.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.embeddings.unit_rows import check_unit_rows
from core.errors import WorkbenchError
from core.indexes.kinds import SEARCH_PARAMETERS

MAX_MATCHES = 1000
"""Maximum number of matches of one query."""


class UnfitIndexError(WorkbenchError):
    """An index cannot be used as it is, or not be updated; a new one may be fine."""


class Matches(NamedTuple):
    """The indexed images nearest to one query, best first."""

    image_ids: NDArray[np.int64]
    """(K,) catalog ids."""

    similarities: NDArray[np.float32]
    """(K,) cosine similarities in [-1, 1], descending; kinds that compress estimate them, which
    may be as after a projection."""


@dataclass(frozen=True, slots=True)
class Effort:
    """The search parameter of an index that trades latency for recall."""

    parameter: str
    """Field of `IndexConfig`: nprobe or ef_search."""

    value: int
    """Default of a search."""

    most: int
    """Larger values make no difference."""

    @property
    def name(self) -> str:
        """Return FAISS's name of the parameter: nprobe or efSearch."""
        return SEARCH_PARAMETERS[self.parameter].name


class VectorStore(ABC):
    """Searches embeddings by cosine similarity."""

    is_remote: bool
    """Whether a server stores the index, so that there is no file of it here."""

    stores_labels: bool
    """Whether the class of each image is stored with it, and so may become stale."""

    @property
    @abstractmethod
    def count(self) -> int:
        """Return the number of indexed images."""

    @property
    @abstractmethod
    def dimension(self) -> int:
        """Return D, the length of an embedding."""

    @property
    @abstractmethod
    def effort(self) -> Effort | None:
        """Return the search parameter; None if every image is compared with the query."""

    @property
    @abstractmethod
    def is_exact(self) -> bool:
        """Return whether it compares the query with every image, uncompressed."""

    @property
    def limit(self) -> str:
        """Return in words why a search does not reach all images; empty if it does."""
        effort = self.effort
        if effort is not None and effort.parameter == "nprobe":
            return f"this index probes {effort.value:,} of {effort.most:,} lists"
        return "" if self.is_exact else "this index is approximate"

    @abstractmethod
    def holds(self, image_ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return for (B,) catalog ids which of them are indexed, as far as is known here."""

    def search(
        self,
        queries: NDArray[np.float32],
        k: int,
        *,
        subset: NDArray[np.int64] | None = None,
        labels: tuple[str, ...] = (),
        effort: int | None = None,
    ) -> list[Matches]:
        """Return the `k` images nearest to each query.

        An approximate index may return fewer than `k`.

        Args:
            queries: (Q, D) float32, unit length.
            k: Number of neighbors, at least 1; a value above `count` returns all images.
            subset: Catalog ids to search among; None for all.
            labels: The classes whose images `subset` holds, if it holds all images of some classes;
                a store with `stores_labels` filters by these instead.
            effort: nprobe or efSearch of this search; None for the default of the index.

        Returns:
            One `Matches` per query, in query order.

        Raises:
            WorkbenchError: The queries are of another dimension, so of another model; or the store
                cannot be searched in this way, or is unavailable.
            ValueError: `k` or `effort` is below 1.
        """
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}")
        if effort is not None and effort < 1:
            raise ValueError(f"effort must be at least 1, got {effort}")
        if queries.shape[1] != self.dimension:
            raise WorkbenchError(
                f"The index holds {self.dimension}-dimensional embeddings, "
                f"the query has {queries.shape[1]}.",
                "Embed the query with the model that the index was made with.",
            )
        return self._search(queries, k, subset, labels, effort)

    def add(
        self,
        vectors: NDArray[np.float32],
        image_ids: NDArray[np.int64],
        labels: tuple[str, ...] = (),
    ) -> None:
        """Index more images, replacing those whose id is indexed already.

        Args:
            vectors: (B, D) float32 unit rows.
            image_ids: (B,) distinct catalog ids.
            labels: The class of each, "" for none, for a store with `stores_labels`; () for none.

        Raises:
            UnfitIndexError: No images can be added to this kind of index.
            WorkbenchError: The vectors are of another dimension or not of unit length, or the store
                is unavailable.
        """
        if vectors.shape[1] != self.dimension:
            raise WorkbenchError(
                f"The index holds {self.dimension}-dimensional embeddings, "
                f"the new ones have {vectors.shape[1]}.",
                "Embed the images with the model that the index was made with.",
            )
        check_unit_rows(vectors)
        self._add(vectors, image_ids, labels)

    @abstractmethod
    def remove(self, image_ids: NDArray[np.int64]) -> int:
        """Remove images, and return how many of them were indexed."""

    @abstractmethod
    def save(self, folder: Path) -> dict[str, Any]:
        """Write the index's files, if it has any, and return facts for the manifest's summary."""

    @abstractmethod
    def _search(
        self,
        queries: NDArray[np.float32],
        k: int,
        subset: NDArray[np.int64] | None,
        labels: tuple[str, ...],
        effort: int | None,
    ) -> list[Matches]: ...

    @abstractmethod
    def _add(
        self, vectors: NDArray[np.float32], image_ids: NDArray[np.int64], labels: tuple[str, ...]
    ) -> None: ...


def no_matches() -> Matches:
    """Return `Matches` without an image."""
    return Matches(np.empty(0, np.int64), np.empty(0, np.float32))
