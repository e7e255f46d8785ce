"""FAISS on a graphics card, where there is one and it knows the kind of index.

Kinds that it does not know (HNSW is one) stay on the processor; nobody has to ask.

Shapes, in this file: Q queries, D embedding dimensions, K results.
"""

import threading
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from core.indexes.factory import faiss_any

DEVICE = 0
"""The first card: one holds what the workbench searches."""

MAX_RESULTS = 2048
"""Results of a query, and groups looked into for it, that FAISS's kernels have room for."""

MAX_CODE_BYTES = 48
"""Of a product quantizer whose tables of distances, 1 KiB a byte in float32, have room in the
48 KiB that a block of threads shares."""


def num_gpus() -> int:
    """Return how many graphics cards FAISS can use; 0 without one, or without its GPU build."""
    return int(faiss_any.get_num_gpus())


def to_gpu(index: faiss.Index) -> faiss.Index | None:
    """Copy an index to the graphics card; None where there is none, or not for this kind or size.

    The copy keeps FAISS's resources alive by itself.
    """
    if not num_gpus():
        return None
    try:
        copy: faiss.Index = faiss_any.index_cpu_to_gpu(
            faiss_any.StandardGpuResources(), DEVICE, index, copy_options(index)
        )
    except RuntimeError:  # It does not know this kind, these codes, or has not the memory
        return None
    return copy


def copy_options(index: faiss.Index) -> Any:
    """Return FAISS's options for the copy: as it is, but long codes' tables in float16."""
    options = faiss_any.GpuClonerOptions()
    inverted = faiss_any.downcast_index(faiss_any.try_extract_index_ivf(index))
    if isinstance(inverted, faiss.IndexIVFPQ):
        options.useFloat16 = inverted.pq.M > MAX_CODE_BYTES
    return options


def to_cpu(index: faiss.Index) -> faiss.Index:
    """Copy an index back from the graphics card."""
    back: faiss.Index = faiss_any.index_gpu_to_cpu(index)
    return back


class GpuSearch:
    """A copy of an index on the graphics card, searched by one thread at a time.

    FAISS's indexes there are not made to be searched by several.
    """

    def __init__(self, copy: faiss.Index) -> None:
        self._copy = copy
        self._lock = threading.Lock()

    def search(
        self, queries: NDArray[np.float32], k: int, parameters: Any
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]] | None:
        """Search as `faiss.Index.search` does, (Q, K) both; None for what the card cannot do.

        Args:
            queries: (Q, D) float32.
            k: K.
            parameters: Without a selector, which no card knows.
        """
        if max(k, getattr(parameters, "nprobe", 0)) > MAX_RESULTS:
            return None
        try:
            with self._lock:
                scores, rows = self._copy.search(queries, k, params=parameters)
        except RuntimeError:  # Out of its memory, or parameters that it does not take
            return None
        return scores, rows
