"""Reading FAISS index files: the header check, memory mapping, and the GPU copy.

Shapes, in this file: N rows of the index, D embedding dimensions.
"""

import struct
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from core.errors import DamagedArtifactError
from core.indexes.faiss_store import FaissStore

MAX_READ_BYTES = 1 << 38
"""A file that claims more than 256 GiB of vectors is refused before memory is allocated for it."""

MAPPED_FROM_BYTES = 64 << 20
"""Smaller files are read at once; larger ones are mapped."""

GPU_FROM = 100_000
"""Vectors from which a GPU is worth its memory: comparing with all of fewer takes the CPU a
millisecond at most."""

HEADER = struct.Struct("<4siq")
"""The beginning of most FAISS files: four letters, D, and N."""


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
