"""`FaissStore`: a FAISS index in memory or mapped from a file.

Shapes, in this file: N rows of the index, Q queries, D embedding dimensions, K results, B images.
"""

from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from core.errors import DamagedArtifactError
from core.files import write_atomically
from core.indexes.factory import bitmap, faiss_any, faiss_errors, parameters_of, parts_of
from core.indexes.filtered_search import FaissResults, search_deeper
from core.indexes.gpu import GpuSearch, to_gpu
from core.indexes.kinds import MAX_CANDIDATES
from core.indexes.store import Effort, Matches, UnfitIndexError, VectorStore, no_matches

INDEX, IMAGE_IDS = "index.faiss", "image_ids.npy"
"""Files of an index: FAISS's own, and the catalog id of each of its rows."""

REMOVED = -1
"""Catalog id of a row whose image was removed."""


class FaissStore(VectorStore):
    """A FAISS index over unit rows, with the catalog id of each.

    Rows of removed images stay in the FAISS index and are skipped: not every kind can delete a row.
    """

    is_remote = False
    stores_labels = False

    def __init__(self, index: faiss.Index, image_ids: NDArray[np.int64]) -> None:
        """Wrap any FAISS index; `image_ids` has the (N,) catalog id of each row."""
        self.index = index
        self.image_ids = image_ids
        self._parts = list(parts_of(index))
        # Cached, as making them takes as long as a short search
        self._parameters = lru_cache(maxsize=64)(partial(parameters_of, self._parts))
        self._gpu: GpuSearch | None = None
        self._has_selector = True
        """Whether FAISS can restrict a search to some rows; False once it has refused to."""

        self._index_rows()

    def use_gpu(self) -> bool:
        """Search on the GPU from now on, and return whether that is possible: see `gpu.to_gpu`.

        Searches among a subset of the images, or after some were added or removed, use the CPU.
        """
        copy = to_gpu(self.index)
        self._gpu = None if copy is None else GpuSearch(copy)
        return self._gpu is not None

    @property
    def count(self) -> int:
        """Return the number of indexed images."""
        return len(self._sorted_ids)

    @property
    def num_removed(self) -> int:
        """Return the number of rows whose image was removed."""
        return len(self.image_ids) - self.count

    @property
    def dimension(self) -> int:
        """Return D, the length of an embedding."""
        return int(self.index.d)

    @property
    def effort(self) -> Effort | None:
        """Return the search parameter; None if every image is compared with the query."""
        for part in self._parts:
            if isinstance(part, faiss.IndexIVF):
                return Effort("nprobe", int(part.nprobe), int(part.nlist))
            if isinstance(part, faiss.IndexHNSW):
                return Effort("ef_search", int(part.hnsw.efSearch), MAX_CANDIDATES)
        return None

    @property
    def is_exact(self) -> bool:
        """Return whether it compares the query with every image, uncompressed."""
        return isinstance(self._parts[0], faiss.IndexFlat)

    def holds(self, image_ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """See `VectorStore.holds`."""
        return np.isin(image_ids, self._sorted_ids)

    def _search(
        self,
        queries: NDArray[np.float32],
        k: int,
        subset: NDArray[np.int64] | None,
        labels: tuple[str, ...],
        effort: int | None,
    ) -> list[Matches]:
        """Filter by `subset`, never by `labels`."""
        del labels
        k = min(k, self.count)
        if k == 0:
            return [no_matches() for _ in queries]
        try:
            scores, rows = self.nearest(queries, k, subset, effort)
            image_ids = self.image_ids[rows]
        except IndexError as error:
            raise DamagedArtifactError(
                f"The index returns rows that its table of {len(self.image_ids):,} images lacks.",
                "Build the index again.",
            ) from error
        np.clip(scores, -1, 1, out=scores)  # Codes estimate up to 1.002
        if min(rows.min(initial=0), image_ids.min(initial=0)) >= 0:
            return list(map(Matches, image_ids, scores))
        is_match = (rows >= 0) & (image_ids != REMOVED)  # FAISS pads short rows with -1
        return [
            Matches(ids[real], score[real])
            for ids, score, real in zip(image_ids, scores, is_match, strict=True)
        ]

    def nearest(
        self,
        queries: NDArray[np.float32],
        k: int,
        subset: NDArray[np.int64] | None = None,
        effort: int | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return FAISS's own results for (Q, D) queries.

        Returns:
            (Q, K) similarities as the index estimates them, which may be outside of [-1, 1], and
            (Q, K) rows, -1 where there are no more.

        Raises:
            WorkbenchError: FAISS cannot search this index.
        """
        wanted = self._wanted(subset)
        with faiss_errors("FAISS cannot search this index"):
            if wanted is None:
                scores, rows = self._search_all(queries, k, effort)
            elif self._has_selector:
                scores, rows = self._search_selected(queries, k, wanted, effort)
            else:
                scores, rows = self._search_deeper(queries, k, wanted, effort)
        if self.index.metric_type == faiss.METRIC_L2:
            scores = np.float32(1) - scores / np.float32(2)  # |a-b|² = 2 - 2·a·b of unit vectors
        return scores, rows

    def _search_all(self, queries: NDArray[np.float32], k: int, effort: int | None) -> FaissResults:
        parameters = self._parameters(k, effort)
        if self._gpu is not None:
            on_gpu = self._gpu.search(queries, k, parameters)
            if on_gpu is not None:
                return on_gpu
        scores, rows = self.index.search(queries, k, params=parameters)
        return scores, rows

    def _search_selected(
        self, queries: NDArray[np.float32], k: int, wanted: NDArray[np.bool_], effort: int | None
    ) -> FaissResults:
        """Search among some rows; remember if this kind of index has no selectors."""
        selector = self._without_removed if wanted is self._present else bitmap(wanted)
        parameters = parameters_of(self._parts, k, effort, selector)
        try:
            scores, rows = self.index.search(queries, k, params=parameters)
        except RuntimeError:
            self._has_selector = False
            return self._search_deeper(queries, k, wanted, effort)
        return scores, rows

    def _search_deeper(
        self, queries: NDArray[np.float32], k: int, wanted: NDArray[np.bool_], effort: int | None
    ) -> FaissResults:
        return search_deeper(
            lambda part, depth: self._search_all(part, depth, effort), queries, k, wanted
        )

    def _add(
        self, vectors: NDArray[np.float32], image_ids: NDArray[np.int64], labels: tuple[str, ...]
    ) -> None:
        del labels
        self._gpu = None  # Its copy lacks the new rows
        try:
            self.index.add(np.ascontiguousarray(vectors, np.float32))
        except RuntimeError as error:
            raise UnfitIndexError(
                "No images can be added to this kind of index.", "Build it again."
            ) from error
        self._mark_removed(image_ids)
        self.image_ids = np.concatenate([self.image_ids, image_ids.astype(np.int64)])
        self._index_rows()

    def remove(self, image_ids: NDArray[np.int64]) -> int:
        """See `VectorStore.remove`."""
        num_removed = self._mark_removed(image_ids)
        self._index_rows()
        return num_removed

    def save(self, folder: Path) -> dict[str, Any]:
        """Write the index and its image ids into a folder, and return the size of the index."""
        self.write(folder / INDEX)
        write_atomically(folder / IMAGE_IDS, lambda file: np.save(file, self.image_ids))
        return {"size_bytes": (folder / INDEX).stat().st_size}

    def write(self, path: Path) -> None:
        """Write the FAISS index, in one rename."""

        def write(file: Any) -> None:
            faiss.write_index(self.index, faiss_any.PyCallbackIOWriter(file.write))

        write_atomically(path, write)

    def _mark_removed(self, image_ids: NDArray[np.int64]) -> int:
        rows = self._rows_of(image_ids)
        self.image_ids = self.image_ids.copy()  # It may be mapped, or shared
        self.image_ids[rows] = REMOVED
        return len(rows)

    def _index_rows(self) -> None:
        """Sort the image ids, for `_rows_of`, and note which rows are removed."""
        self._present = self.image_ids != REMOVED
        present = np.flatnonzero(self._present)
        order = np.argsort(self.image_ids[present], kind="stable")
        self._sorted_rows = present[order]
        self._sorted_ids = self.image_ids[self._sorted_rows]
        self._without_removed = bitmap(self._present) if self.num_removed else None

    def _rows_of(self, image_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows of those images that are indexed, in no particular order."""
        if not len(self._sorted_ids):
            return np.empty(0, np.int64)
        ids = np.unique(image_ids)
        places = np.minimum(np.searchsorted(self._sorted_ids, ids), len(self._sorted_ids) - 1)
        rows: NDArray[np.int64] = self._sorted_rows[places[self._sorted_ids[places] == ids]]
        return rows

    def _wanted(self, subset: NDArray[np.int64] | None) -> NDArray[np.bool_] | None:
        """Return (N,) which rows to search among; None for all of them."""
        if subset is None:
            return self._present if self.num_removed else None
        wanted = np.zeros(len(self.image_ids), np.bool_)
        wanted[self._rows_of(subset)] = True
        return wanted
