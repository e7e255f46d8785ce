"""`FaissStore`: a FAISS index in memory or mapped from a file.

Shapes, in this file: N rows of the index, Q queries, D embedding dimensions, K results, B images.
"""

from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from core.errors import WorkbenchError
from core.files import write_atomically
from core.indexes.factory import bitmap, faiss_any, parameters_of, parts_of
from core.indexes.gpu import GpuSearch, to_gpu
from core.indexes.kinds import MAX_CANDIDATES
from core.indexes.store import Effort, Matches, VectorStore, no_matches

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

    def _search(
        self,
        queries: NDArray[np.float32],
        k: int,
        subset: NDArray[np.int64] | None,
        labels: tuple[str, ...],
        effort: int | None,
    ) -> list[Matches]:
        """Filter by `subset`, never by `labels`; not every kind can be searched among a subset."""
        del labels
        k = min(k, self.count)
        if k == 0:
            return [no_matches() for _ in queries]
        selector = self._selector(subset)
        parameters = (
            self._parameters(k, effort)
            if selector is None
            else parameters_of(self._parts, k, effort, selector)
        )
        on_gpu = None
        if self._gpu is not None and selector is None:
            on_gpu = self._gpu.search(queries, k, parameters)
        try:
            scores, rows = on_gpu or self.index.search(queries, k, params=parameters)
        except RuntimeError as error:
            raise WorkbenchError(
                "This kind of index cannot be searched in this way.",
                "Search among all images, or build a Flat, HNSW or IVF index.",
            ) from error
        if self.index.metric_type == faiss.METRIC_L2:
            scores = np.float32(1) - scores / np.float32(2)  # |a-b|² = 2 - 2·a·b of unit vectors
        image_ids = self.image_ids[rows]
        if rows.min(initial=0) >= 0:
            return list(map(Matches, image_ids, scores))
        is_match = rows >= 0  # FAISS pads short rows with -1
        return [
            Matches(ids[real], score[real])
            for ids, score, real in zip(image_ids, scores, is_match, strict=True)
        ]

    def _add(
        self, vectors: NDArray[np.float32], image_ids: NDArray[np.int64], labels: tuple[str, ...]
    ) -> None:
        del labels
        self._gpu = None  # Its copy lacks the new rows
        self._mark_removed(image_ids)
        self.index.add(np.ascontiguousarray(vectors, np.float32))
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
        present = np.flatnonzero(self.image_ids != REMOVED)
        order = np.argsort(self.image_ids[present], kind="stable")
        self._sorted_rows = present[order]
        self._sorted_ids = self.image_ids[self._sorted_rows]
        self._without_removed = bitmap(present, len(self.image_ids)) if self.num_removed else None

    def _rows_of(self, image_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows of those images that are indexed, in no particular order."""
        if not len(self._sorted_ids):
            return np.empty(0, np.int64)
        ids = np.unique(image_ids)
        places = np.minimum(np.searchsorted(self._sorted_ids, ids), len(self._sorted_ids) - 1)
        rows: NDArray[np.int64] = self._sorted_rows[places[self._sorted_ids[places] == ids]]
        return rows

    def _selector(self, subset: NDArray[np.int64] | None) -> Any:
        if subset is None:
            return self._without_removed
        return bitmap(self._rows_of(subset), len(self.image_ids))
