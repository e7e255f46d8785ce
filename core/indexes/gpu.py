"""FAISS on a GPU, if there is one and it supports the kind of index; other kinds stay on the CPU.

Shapes, in this file: Q queries, D embedding dimensions, K results.
"""

import threading
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from core.indexes.factory import faiss_any

DEVICE = 0
"""The first GPU: one has memory enough for what the workbench searches."""

MAX_RESULTS = 2048
"""Limit of FAISS's kernels for k and for nprobe."""

MAX_CODE_BYTES = 48
"""Limit for a product quantizer with float32 distance tables: they take 1 KiB per code byte of the
48 KiB that a block of threads shares."""


def num_gpus() -> int:
    """Return the number of GPUs that FAISS can use; 0 without its GPU build."""
    return int(faiss_any.get_num_gpus())


def to_gpu(index: faiss.Index) -> faiss.Index | None:
    """Copy an index to the GPU; return None without a GPU, or if kind or size are not supported.

    The copy keeps FAISS's resources alive.
    """
    if not num_gpus():
        return None
    try:
        copy: faiss.Index = faiss_any.index_cpu_to_gpu(
            faiss_any.StandardGpuResources(), DEVICE, index, copy_options(index)
        )
    except RuntimeError:  # Unsupported kind or codes, or too little memory
        return None
    return copy


def copy_options(index: faiss.Index) -> Any:
    """Return FAISS's copy options: the defaults, but float16 tables for long codes."""
    options = faiss_any.GpuClonerOptions()
    inverted = faiss_any.downcast_index(faiss_any.try_extract_index_ivf(index))
    if isinstance(inverted, faiss.IndexIVFPQ):
        options.useFloat16 = inverted.pq.M > MAX_CODE_BYTES
    return options


def to_cpu(index: faiss.Index) -> faiss.Index:
    """Copy an index back from the GPU."""
    back: faiss.Index = faiss_any.index_gpu_to_cpu(index)
    return back


class GpuSearch:
    """A copy of an index on the GPU, searched by one thread at a time.

    FAISS's GPU indexes are not thread-safe.
    """

    def __init__(self, copy: faiss.Index) -> None:
        self._copy = copy
        self._lock = threading.Lock()

    def search(
        self, queries: NDArray[np.float32], k: int, parameters: Any
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]] | None:
        """Search as `faiss.Index.search` does; return None if the GPU cannot do that.

        `queries` is (Q, D) float32; the result (Q, K) scores and (Q, K) rows. `parameters` have no
        selector, which GPUs do not support.
        """
        if max(k, getattr(parameters, "nprobe", 0)) > MAX_RESULTS:
            return None
        try:
            with self._lock:
                scores, rows = self._copy.search(queries, k, params=parameters)
        except RuntimeError:  # Out of memory, or unsupported parameters
            return None
        return scores, rows
