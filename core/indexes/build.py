"""Filling a FAISS index, step by step so that it can be watched and stopped.

Shapes, in this file: N images, D embedding dimensions.
"""

import faiss
import numpy as np
from numpy.typing import NDArray

from core.embeddings.unit_rows import check_unit_rows
from core.indexes.config import IndexConfig
from core.indexes.factory import empty_index, needed_vectors
from core.indexes.faiss_store import FaissStore
from core.indexes.gpu import to_cpu, to_gpu
from core.jobs.background import run_in_thread
from core.progress import Progress, Work

ADD_BATCH = 4096
TRAIN_VECTORS_PER_CENTROID = 64
"""What groups and codes are learnt from: FAISS would take up to 256 for each, at four times the
time and, beyond 39, for hardly better groups."""

MIN_TRAINED = 65536
"""Rotations are learnt from at least as many, where there are."""


def build(
    vectors: NDArray[np.float32],
    image_ids: NDArray[np.int64],
    config: IndexConfig,
    seed: int = 0,
) -> Work[FaissStore]:
    """Index (N, D) unit rows, yielding as they are added.

    Args:
        vectors: (N, D) float32 unit rows; may be mapped.
        image_ids: (N,) the catalog id of each.
        config: Which index.
        seed: Draws the vectors that groups and codes are learnt from.

    Raises:
        WorkbenchError: FAISS cannot make this index, there are too few images for it, or some
            embeddings are not of unit length.
    """
    count, dimension = vectors.shape
    index = empty_index(config, count, dimension)
    check_unit_rows(vectors)
    on_gpu = to_gpu(index)
    filled = index if on_gpu is None else on_gpu
    if not index.is_trained:
        sample = _sample(vectors, index, seed)
        yield from run_in_thread(
            lambda: filled.train(sample), f"learning from {len(sample):,} vectors"
        )
    for start in range(0, count, ADD_BATCH):
        filled.add(np.ascontiguousarray(vectors[start : start + ADD_BATCH], np.float32))
        yield Progress(filled.ntotal, count, "adding vectors")
    return FaissStore(index if on_gpu is None else to_cpu(on_gpu), image_ids)


def _sample(vectors: NDArray[np.float32], index: faiss.Index, seed: int) -> NDArray[np.float32]:
    """Return what the index learns its groups and codes from, in memory."""
    wanted = max(MIN_TRAINED, TRAIN_VECTORS_PER_CENTROID * needed_vectors(index))
    if wanted >= len(vectors):
        return np.ascontiguousarray(vectors, np.float32)
    rows = np.random.default_rng(seed).choice(len(vectors), wanted, replace=False)
    return np.ascontiguousarray(vectors[np.sort(rows)], np.float32)
