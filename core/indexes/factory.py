"""FAISS index factory: from an `IndexConfig` to an empty index, and its search parameters.

Shapes, in this file: N images to index, D embedding dimensions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from core.errors import WorkbenchError
from core.indexes.config import TRAIN_VECTORS_PER_LIST, IndexConfig, Metric, default_nprobe

faiss_any: Any = faiss
"""FAISS without its type stubs, which lack some classes and arguments."""

METRICS = {
    Metric.COSINE: faiss.METRIC_INNER_PRODUCT,
    Metric.INNER_PRODUCT: faiss.METRIC_INNER_PRODUCT,
    Metric.L2: faiss.METRIC_L2,
}
REFINED = 4.0
"""Candidates that are compared exactly for each result, if a factory string asks for refining."""


def factory_string(config: IndexConfig, count: int, dimension: int) -> str:
    """Return the FAISS factory string of an index of N images of D dimensions.

    Raises:
        WorkbenchError: `code_bytes` does not divide the dimension.
    """
    return config.entry.factory.format_map(asdict(config.resolved(count, dimension)))


def empty_index(config: IndexConfig, count: int, dimension: int) -> faiss.Index:
    """Return an index without vectors.

    Raises:
        WorkbenchError: FAISS does not know it, it has ids of its own, or there are too few images
            to train it; the message says how many it needs.
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
                f"“{text}” has ids of its own, but the workbench stores them itself.",
                "Leave IDMap out of it.",
            )
        if hasattr(part, "do_polysemous_training"):  # Takes a minute, and no search here uses it
            part.do_polysemous_training = False
    _check_count(index, config, count)
    _set_effort(index, config)
    return index


def parts_of(index: faiss.Index) -> Iterator[Any]:
    """Yield an index and those inside it, downcast; they live as long as `index`."""
    part = faiss.downcast_index(index)
    yield part
    if isinstance(part, faiss.IndexPreTransform):
        yield from parts_of(part.index)
    elif isinstance(part, faiss.IndexRefine):
        yield from parts_of(part.base_index)
    elif isinstance(part, faiss.IndexIDMap):
        yield from parts_of(part.index)


def needed_vectors(index: faiss.Index) -> int:
    """Return the least number of training vectors; 0 if it is not trained."""
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
    if "nlist" in config.entry.parameters and config.nlist > count:
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
    """Set the search parameters that apply by default; FAISS saves them with the index."""
    for part in parts_of(index):
        if isinstance(part, faiss.IndexHNSW):
            part.hnsw.efConstruction = config.ef_construction
            part.hnsw.efSearch = config.ef_search
        elif isinstance(part, faiss.IndexIVF):
            part.cp.min_points_per_centroid = 1  # `_check_count` has a better message
            part.nprobe = min(part.nlist, config.nprobe or default_nprobe(part.nlist))
        elif isinstance(part, faiss.IndexRefine):
            part.k_factor = REFINED


def parameters_of(parts: Sequence[Any], k: int, effort: int | None, selector: Any = None) -> Any:
    """Return the search parameters of an index.

    Args:
        parts: The index and those inside it, the outermost first.
        k: Number of results.
        effort: nprobe or efSearch; None for the default of the index.
        selector: FAISS's selector of the rows to search among; None for all.
    """
    if not parts:
        return None
    part, rest = parts[0], parts[1:]
    if isinstance(part, faiss.IndexIVF):
        return faiss_any.SearchParametersIVF(
            sel=selector, nprobe=min(effort or part.nprobe, part.nlist)
        )
    if isinstance(part, faiss.IndexHNSW):
        candidates = max(effort or part.hnsw.efSearch, k)
        return faiss_any.SearchParametersHNSW(sel=selector, efSearch=candidates)
    if isinstance(part, faiss.IndexPreTransform):
        inner = parameters_of(rest, k, effort, selector)
        return None if inner is None else faiss_any.SearchParametersPreTransform(index_params=inner)
    if isinstance(part, faiss.IndexRefine):
        inner = parameters_of(rest, round(k * part.k_factor), effort, selector)
        return faiss_any.IndexRefineSearchParameters(
            k_factor=part.k_factor, base_index_params=inner
        )
    return None if selector is None else faiss_any.SearchParameters(sel=selector)


def bitmap(rows: NDArray[np.int64], count: int) -> Any:
    """Return FAISS's selector of some of `count` rows."""
    chosen = np.zeros(count, np.bool_)
    chosen[rows] = True
    return faiss_any.IDSelectorBitmap(np.packbits(chosen, bitorder="little"))
