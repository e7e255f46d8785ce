"""The embedded vector index: FAISS, in this process, from a file.

Building one is the business of `building.py`.

Shapes, in this file: N rows of the index, Q queries, D embedding dimensions, K results, B images.
"""

import struct
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from core.errors import DamagedArtifactError, WorkbenchError
from core.files import write_atomically
from core.indexes.factory import faiss_any, parts_of
from core.indexes.faiss_parameters import bitmap, parameters_of
from core.indexes.gpu import GpuSearch, to_gpu
from core.indexes.store import Effort, Matches, check_added, check_search, nothing

REMOVED = -1
"""In place of a catalog id: the image of that row was taken out."""

MAX_READ_BYTES = 1 << 38
"""A file that claims more than 256 GiB of vectors is refused before memory is asked for."""

MAPPED_FROM_BYTES = 64 << 20
"""A smaller file is read at once; a larger one is mapped, and read where a search looks."""

GPU_FROM = 100_000
"""Vectors from which a graphics card is worth its memory: comparing with all of fewer takes the
processor a millisecond at most."""

HEADER = struct.Struct("<4siq")
"""What most of FAISS's files begin with: four letters, D, and N."""


class FaissStore:
    """A FAISS index over unit rows, with the catalog id of each.

    Images that are taken out stay in the FAISS index and are passed over: not every kind can give
    up a row.
    """

    def __init__(self, index: faiss.Index, image_ids: NDArray[np.int64]) -> None:
        """Take over an index and the (N,) catalog ids of its rows."""
        self.index = index
        self.image_ids = image_ids
        self._parts = list(parts_of(index))
        # Kept, for making them takes as long as a short search
        self._parameters = lru_cache(maxsize=64)(partial(parameters_of, self._parts))
        self._gpu: GpuSearch | None = None
        self._know_rows()

    def use_gpu(self) -> bool:
        """Search on the graphics card from now on, and say whether it can: see `gpu.to_gpu`.

        Searches among some images only, and after images were added or taken out, go by the
        processor.
        """
        copy = to_gpu(self.index)
        self._gpu = None if copy is None else GpuSearch(copy)
        return self._gpu is not None

    @property
    def count(self) -> int:
        """How many images are indexed."""
        return len(self._sorted_ids)

    @property
    def num_removed(self) -> int:
        """How many rows are passed over because their image was taken out."""
        return len(self.image_ids) - self.count

    @property
    def dimension(self) -> int:
        """D, the length of an embedding."""
        return int(self.index.d)

    @property
    def effort(self) -> Effort | None:
        """What a search can be made more thorough by; None where every vector is looked at."""
        for part in self._parts:
            if isinstance(part, faiss.IndexIVF):
                return Effort("nprobe", int(part.nprobe), int(part.nlist))
            if isinstance(part, faiss.IndexHNSW):
                return Effort("efSearch", int(part.hnsw.efSearch), 4096)
        return None

    def search(
        self,
        queries: NDArray[np.float32],
        k: int,
        *,
        subset: NDArray[np.int64] | None = None,
        labels: tuple[str, ...] = (),
        effort: int | None = None,
    ) -> list[Matches]:
        """See `VectorStore.search`; it knows no classes, so it goes by `subset`.

        Raises:
            WorkbenchError: The queries come from another model: their length differs; or this
                index cannot search among some of its images only.
            ValueError: `k` or `effort` is below 1.
        """
        del labels
        check_search(self.dimension, queries, k, effort)
        k = min(k, self.count)
        if k == 0:
            return [nothing() for _ in queries]
        selector = self._selector(subset)
        parameters = (
            self._parameters(k, effort)
            if selector is None
            else parameters_of(self._parts, k, effort, selector)
        )
        found_on_gpu = None
        if self._gpu is not None and selector is None:
            found_on_gpu = self._gpu.search(queries, k, parameters)
        try:
            scores, rows = found_on_gpu or self.index.search(queries, k, params=parameters)
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
        found = rows >= 0  # FAISS fills a short row up with -1
        return [
            Matches(ids[real], score[real])
            for ids, score, real in zip(image_ids, scores, found, strict=True)
        ]

    def add(
        self,
        vectors: NDArray[np.float32],
        image_ids: NDArray[np.int64],
        labels: tuple[str, ...] = (),
    ) -> None:
        """See `VectorStore.add`.

        Raises:
            WorkbenchError: They are of another model, or not of unit length.
        """
        del labels
        check_added(self.dimension, vectors)
        self._gpu = None  # Its copy does not know them
        self._mark_removed(image_ids)
        self.index.add(np.ascontiguousarray(vectors, np.float32))
        self.image_ids = np.concatenate([self.image_ids, image_ids.astype(np.int64)])
        self._know_rows()

    def remove(self, image_ids: NDArray[np.int64]) -> int:
        """See `VectorStore.remove`."""
        num_removed = self._mark_removed(image_ids)
        self._know_rows()
        return num_removed

    def write(self, path: Path) -> None:
        """Save the FAISS index, in one rename."""

        def write(file: Any) -> None:
            faiss.write_index(self.index, faiss_any.PyCallbackIOWriter(file.write))

        write_atomically(path, write)

    def _mark_removed(self, image_ids: NDArray[np.int64]) -> int:
        rows = self._rows_of(image_ids)
        self.image_ids = self.image_ids.copy()  # It may be mapped, or another's
        self.image_ids[rows] = REMOVED
        return len(rows)

    def _know_rows(self) -> None:
        """Prepare what finds the rows of images: their ids in order, and those passed over."""
        present = np.flatnonzero(self.image_ids != REMOVED)
        order = np.argsort(self.image_ids[present], kind="stable")
        self._sorted_rows = present[order]
        self._sorted_ids = self.image_ids[self._sorted_rows]
        self._without_removed = bitmap(present, len(self.image_ids)) if self.num_removed else None

    def _rows_of(self, image_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows of those images that are indexed, in no order of use."""
        if not len(self._sorted_ids):
            return np.empty(0, np.int64)
        wanted = np.unique(image_ids)
        places = np.minimum(np.searchsorted(self._sorted_ids, wanted), len(self._sorted_ids) - 1)
        rows: NDArray[np.int64] = self._sorted_rows[places[self._sorted_ids[places] == wanted]]
        return rows

    def _selector(self, subset: NDArray[np.int64] | None) -> Any:
        if subset is None:
            return self._without_removed
        return bitmap(self._rows_of(subset), len(self.image_ids))


def read(
    path: Path, image_ids: NDArray[np.int64], dimension: int, *, writable: bool = False
) -> FaissStore:
    """Load a FAISS index whose checksum has been verified; a large one is mapped, not read.

    Args:
        path: The file; it must not be written to while the index is open.
        image_ids: (N,) the catalog id of each row, or `REMOVED`.
        dimension: D, as its manifest says.
        writable: Images will be added, so it is never mapped.

    Raises:
        DamagedArtifactError: It does not fit what its manifest says of it.
    """
    check_header(path, len(image_ids), dimension)
    faiss.set_deserialization_vector_byte_limit(MAX_READ_BYTES)
    is_mapped = not writable and path.stat().st_size >= MAPPED_FROM_BYTES
    try:
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC if is_mapped else 0)
    except (RuntimeError, MemoryError) as error:
        raise _misfit(path) from error
    if index.d != dimension or index.ntotal != len(image_ids):
        raise _misfit(path)
    store = FaissStore(index, image_ids)
    if not writable and len(image_ids) >= GPU_FROM:
        store.use_gpu()
    return store


def check_header(path: Path, count: int, dimension: int) -> None:
    """Refuse a file of another length or dimension before FAISS reads it.

    Raises:
        DamagedArtifactError: Its first bytes do not say `count` vectors of `dimension`.
    """
    with path.open("rb") as file:
        start = file.read(HEADER.size)
    if len(start) < HEADER.size or HEADER.unpack(start)[1:] != (dimension, count):
        raise _misfit(path)


def index_recall(found: Sequence[Matches], exact: Sequence[Matches]) -> float:
    """Return the share of the exact search's matches that the index found too."""
    hits = sum(
        len(np.intersect1d(a.image_ids, b.image_ids)) for a, b in zip(found, exact, strict=True)
    )
    return hits / max(1, sum(len(b.image_ids) for b in exact))


def _misfit(path: Path) -> DamagedArtifactError:
    return DamagedArtifactError(
        f"{path.parent.name}/{path.name} does not fit its manifest.", "Build the index again."
    )
