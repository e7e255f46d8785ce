"""Reading a FAISS index file, which may be damaged or claim more than it has.

Shapes, in this file: N rows of the index, D embedding dimensions.
"""

import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from core.errors import DamagedArtifactError
from core.indexes.factory import parts_of
from core.indexes.faiss_store import FaissStore

MAPPED_FROM_BYTES = 64 << 20
"""Smaller files are read at once; larger ones are mapped."""

MIN_LIMIT = 64 << 20
"""Bytes that FAISS may always allocate: a transform may need more than the file has."""

GPU_FROM = 100_000
"""Vectors from which a GPU is worth its memory: comparing with all of fewer takes the CPU a
millisecond at most."""

HEADER = struct.Struct("<4siq")
"""The beginning of most FAISS files: four letters, D, and N."""

MAPPED, NO_TABLES = faiss.IO_FLAG_MMAP_IFC, faiss.IO_FLAG_SKIP_PRECOMPUTE_TABLE
"""FAISS's flags: map the file; leave tables of IVF-PQ, which are larger than it, for later."""

_reading = threading.Lock()
"""FAISS's limit of what a file may claim is one for the whole process."""


def read_faiss(
    path: Path, image_ids: NDArray[np.int64], dimension: int, *, writable: bool = False
) -> FaissStore:
    """Load a FAISS index whose checksum has been verified; a large one is mapped.

    Args:
        path: The file; it must not be written to while the index is open.
        image_ids: (N,) the catalog id of each row, or `REMOVED`.
        dimension: D, from the manifest.
        writable: Images will be added, so the file is never mapped.

    Raises:
        DamagedArtifactError: The file does not fit its manifest.
    """
    _check_header(path, len(image_ids), dimension)
    size = path.stat().st_size
    is_mapped = not writable and size >= MAPPED_FROM_BYTES
    try:
        with _byte_limit(max(size, MIN_LIMIT)):  # No part is larger than the file
            index = faiss.read_index(str(path), NO_TABLES | (MAPPED if is_mapped else 0))
        for part in parts_of(index):
            if isinstance(part, faiss.IndexIVFPQ):
                part.precompute_table()
    except (RuntimeError, MemoryError) as error:
        raise _misfit(path) from error
    if index.d != dimension or index.ntotal != len(image_ids):
        raise _misfit(path)
    if any(isinstance(part, faiss.IndexIDMap) for part in parts_of(index)):
        raise _misfit(path)  # Its rows have other ids than `image_ids`
    store = FaissStore(index, image_ids)
    if not writable and len(image_ids) >= GPU_FROM:
        store.use_gpu()
    return store


@contextmanager
def _byte_limit(size: int) -> Iterator[None]:
    """Refuse to read a vector of more bytes, before memory is allocated for it."""
    with _reading:
        before = faiss.get_deserialization_vector_byte_limit()
        faiss.set_deserialization_vector_byte_limit(size)
        try:
            yield
        finally:
            faiss.set_deserialization_vector_byte_limit(before)


def _check_header(path: Path, count: int, dimension: int) -> None:
    """Raise an error for a file of another size than its manifest says, before FAISS reads it.

    Raises:
        DamagedArtifactError: Its header does not say `count` vectors of `dimension`.
    """
    with path.open("rb") as file:
        start = file.read(HEADER.size)
    if len(start) < HEADER.size or HEADER.unpack(start)[1:] != (dimension, count):
        raise _misfit(path)


def _misfit(path: Path) -> DamagedArtifactError:
    return DamagedArtifactError(
        f"{path.parent.name}/{path.name} does not fit its manifest.", "Build the index again."
    )
