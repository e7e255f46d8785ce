"""Building a FAISS index in steps that report progress and can be stopped.

Shapes, in this file: N images, D embedding dimensions.
"""

import faiss
import numpy as np
from numpy.typing import NDArray

from core.embeddings.unit_rows import check_unit_rows
from core.indexes.config import IndexConfig
from core.indexes.factory import (
    empty_index,
    factory_string,
    faiss_errors,
    is_filled_at_once,
    needed_vectors,
)
from core.indexes.faiss_store import FaissStore
from core.indexes.gpu import to_cpu, to_gpu
from core.jobs.background import run_in_thread
from core.progress import Progress, Work

ADD_BATCH = 4096
TRAIN_VECTORS_PER_CENTROID = 64
"""Training vectors per group and code: FAISS would use up to 256, which takes four times as long;
beyond 39 the clusters hardly improve."""

MIN_TRAINED = 65536
"""Least number of training vectors, if there are as many; rotations need them."""


def build(
    vectors: NDArray[np.float32],
    image_ids: NDArray[np.int64],
    config: IndexConfig,
    seed: int = 0,
) -> Work[FaissStore]:
    """Build an index of (N, D) float32 unit rows, which may be mapped, with (N,) catalog ids.

    `seed` draws the sample that groups and codes are trained on.

    Raises:
        WorkbenchError: FAISS cannot build this index, there are too few images for it, or some
            embeddings are not of unit length.
    """
    count, dimension = vectors.shape
    index = empty_index(config, count, dimension)
    check_unit_rows(vectors)
    on_gpu = to_gpu(index)
    filled = index if on_gpu is None else on_gpu
    text = factory_string(config, count, dimension)
    with faiss_errors(f"FAISS cannot build an index “{text}” of {count:,} images"):
        if not index.is_trained:
            sample = _sample(vectors, index, seed)
            yield from run_in_thread(
                lambda: filled.train(sample), f"learning from {len(sample):,} vectors"
            )
        if is_filled_at_once(index):
            whole = np.ascontiguousarray(vectors, np.float32)
            yield from run_in_thread(lambda: filled.add(whole), f"adding {count:,} vectors")
        for start in range(filled.ntotal, count, ADD_BATCH):
            filled.add(np.ascontiguousarray(vectors[start : start + ADD_BATCH], np.float32))
            yield Progress(filled.ntotal, count, "adding vectors")
    return FaissStore(index if on_gpu is None else to_cpu(on_gpu), image_ids)


def _sample(vectors: NDArray[np.float32], index: faiss.Index, seed: int) -> NDArray[np.float32]:
    """Return the training vectors of groups and codes, in memory."""
    size = max(MIN_TRAINED, TRAIN_VECTORS_PER_CENTROID * needed_vectors(index))
    if size >= len(vectors):
        return np.ascontiguousarray(vectors, np.float32)
    rows = np.random.default_rng(seed).choice(len(vectors), size, replace=False)
    return np.ascontiguousarray(vectors[np.sort(rows)], np.float32)
