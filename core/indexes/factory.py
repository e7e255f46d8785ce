"""From what a user chose to an empty FAISS index, checked before anything is computed.

Shapes, in this file: N images to index, D embedding dimensions.
"""

import math
from collections.abc import Iterator
from typing import Any

import faiss

from core.errors import WorkbenchError
from core.indexes.config import IVF_KINDS, IndexConfig, IndexKind, Metric

faiss_any: Any = faiss
"""Its type stubs know neither all classes nor their arguments."""

METRICS = {
    Metric.COSINE: faiss.METRIC_INNER_PRODUCT,
    Metric.INNER_PRODUCT: faiss.METRIC_INNER_PRODUCT,
    Metric.L2: faiss.METRIC_L2,
}
TRAIN_VECTORS_PER_LIST = 39
"""FAISS warns below this many training vectors a list."""

CODEBOOK = 256
"""Entries of a PQ codebook of 8 bits, each of which needs a training vector."""

MAX_NPROBE = 64
"""Lists looked into unless more are asked for."""


REFINED = 4.0
"""Candidates that are compared exactly for each result, where a factory string asks for that."""


def factory_string(config: IndexConfig, count: int, dimension: int) -> str:
    """Return FAISS's description of the index that was chosen.

    Args:
        config: What was chosen.
        count: N; decides the numbers that were left open.
        dimension: D.

    Raises:
        WorkbenchError: The bytes of a code do not divide the dimension.
    """
    nlist = config.nlist or default_nlist(count)
    match config.kind:
        case IndexKind.FLAT:
            return "Flat"
        case IndexKind.HNSW:
            return f"HNSW{config.m},Flat"
        case IndexKind.SQ8:
            return "SQ8"
        case IndexKind.IVF:
            return f"IVF{nlist},Flat"
        case IndexKind.IVF_PQ:
            return f"IVF{nlist},PQ{code_bytes(config, dimension)}"
        case IndexKind.OPQ_IVF_PQ:
            code = code_bytes(config, dimension)
            return f"OPQ{code},IVF{nlist},PQ{code}"
    return config.factory


def default_nlist(count: int) -> int:
    """Return 4·√N, but no more than there are enough vectors to train."""
    return max(1, min(round(4 * math.sqrt(count)), count // TRAIN_VECTORS_PER_LIST))


def code_bytes(config: IndexConfig, dimension: int) -> int:
    """Return the bytes of a code: those asked for, else a fourth of D where that divides it.

    Raises:
        WorkbenchError: Those asked for do not divide it.
    """
    fitting = [number for number in range(1, dimension + 1) if dimension % number == 0]
    if not config.code_bytes:
        return max(number for number in fitting if number <= max(1, dimension // 4))
    if config.code_bytes not in fitting:
        raise WorkbenchError(
            f"Codes of {config.code_bytes} bytes do not divide {dimension} dimensions.",
            f"Choose one of {', '.join(map(str, fitting))}, or 0 to have it chosen.",
        )
    return config.code_bytes


def empty_index(config: IndexConfig, count: int, dimension: int) -> faiss.Index:
    """Return the chosen index, still without vectors.

    Raises:
        WorkbenchError: FAISS does not know it, it keeps ids of its own, or there are too few
            images to train it; the sentence says how many it needs.
    """
    text = factory_string(config, count, dimension)
    try:
        index = faiss.index_factory(dimension, text, METRICS[config.metric])
    except (RuntimeError, MemoryError) as error:
        raise WorkbenchError(
            f"FAISS cannot make an index “{text}” of {dimension} dimensions.",
            "Look at the factory strings in FAISS's wiki, or choose one of the kinds above.",
        ) from error
    for part in parts_of(index):
        if isinstance(part, faiss.IndexIDMap):  # IndexIDMap2 is one, too
            raise WorkbenchError(
                f"“{text}” keeps ids of its own, and the workbench keeps them itself.",
                "Leave IDMap out of it.",
            )
        if hasattr(part, "do_polysemous_training"):  # A minute for an order that nobody uses
            part.do_polysemous_training = False
    _check_count(index, config, count)
    _set_effort(index, config)
    return index


def parts_of(index: faiss.Index) -> Iterator[Any]:
    """Yield an index and those inside it, each as what it is; they live as long as `index`."""
    part = faiss.downcast_index(index)
    yield part
    if isinstance(part, faiss.IndexPreTransform):
        yield from parts_of(part.index)
    elif isinstance(part, faiss.IndexRefine):
        yield from parts_of(part.base_index)
    elif isinstance(part, faiss.IndexIDMap):
        yield from parts_of(part.index)


def needed_vectors(index: faiss.Index) -> int:
    """Return how many vectors its training needs at least; 0 if it needs none."""
    needed = 0
    for part in parts_of(index):
        if isinstance(part, faiss.IndexIVF):
            needed = max(needed, part.nlist)
        if quantizer := getattr(part, "pq", None):
            needed = max(needed, 1 << quantizer.nbits)
        if isinstance(part, faiss.IndexPreTransform) and not part.is_trained:
            needed = max(needed, part.d)
    return needed


def _check_count(index: faiss.Index, config: IndexConfig, count: int) -> None:
    if needed_vectors(index) <= count:
        return
    most = max(1, count // TRAIN_VECTORS_PER_LIST)
    if config.kind in IVF_KINDS and config.nlist > count:
        raise WorkbenchError(
            f"{config.nlist} lists need at least {config.nlist} images, and only {count} are "
            "embedded.",
            f"Ask for {most} lists or fewer, or for 0 to have the number chosen.",
        )
    raise WorkbenchError(
        f"This kind of index learns from at least {needed_vectors(index)} images, and only "
        f"{count} are embedded.",
        "Choose Flat, HNSW or SQ8, which need none, or embed more images.",
    )


def _set_effort(index: faiss.Index, config: IndexConfig) -> None:
    """Set what a search looks at, where nothing else is asked for; it is saved with the index."""
    for part in parts_of(index):
        if isinstance(part, faiss.IndexHNSW):
            part.hnsw.efConstruction = config.ef_construction
            part.hnsw.efSearch = config.ef_search
        elif isinstance(part, faiss.IndexIVF):
            part.cp.min_points_per_centroid = 1  # Checked above, in a sentence of our own
            wanted = config.nprobe or min(MAX_NPROBE, math.ceil(part.nlist / 8))
            part.nprobe = min(part.nlist, wanted)
        elif isinstance(part, faiss.IndexRefine):
            part.k_factor = REFINED
