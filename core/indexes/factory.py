"""FAISS index factory: from an `IndexConfig` to an empty index, and its search parameters.

Shapes, in this file: N images to index, D embedding dimensions.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from core.errors import WorkbenchError
from core.indexes.config import (
    TRAIN_VECTORS_PER_LIST,
    IndexConfig,
    Metric,
    default_nprobe,
    normalized,
)

faiss_any: Any = faiss
"""FAISS without its type stubs, which lack some classes and arguments."""

METRICS = {
    Metric.COSINE: faiss.METRIC_INNER_PRODUCT,
    Metric.INNER_PRODUCT: faiss.METRIC_INNER_PRODUCT,
    Metric.L2: faiss.METRIC_L2,
}
REFINED = 4.0
"""Candidates that are compared exactly for each result, if a factory string asks for refining."""

MIN_REFINED = 40
"""Least candidates of a search: the nearest image may be no candidate among four."""

MAX_REASON = 200
"""Characters of FAISS's reason."""

REASON = re.compile(r" at [^:]+:\d+: (?:Error: )?(?:'.*?' failed: )?(.*)", re.DOTALL)
"""In the message of an error of FAISS, after function, line and condition: the reason."""


def factory_string(config: IndexConfig, count: int, dimension: int) -> str:
    """Return the FAISS factory string of an index of N images of D dimensions.

    Vectors are normalized after a transform that changes their lengths, because the index compares
    them by cosine similarity: PCA32,Flat becomes PCA32,L2norm,Flat.

    Raises:
        WorkbenchError: `code_bytes` does not divide the dimension.
    """
    text = config.entry.factory.format_map(asdict(config.resolved(count, dimension)))
    return normalized(text)


def metric_of(config: IndexConfig) -> int:
    """Return FAISS's metric.

    Cosine similarity and distance give the same ranking of unit vectors. Codes are not of unit
    length, so an index of a factory string computes the distance: for PQ16 of Caltech-101 it
    estimates the cosine with two thirds of the error of an inner product, and finds more neighbors.
    """
    if config.metric == Metric.COSINE and config.entry.is_custom:
        return int(faiss.METRIC_L2)
    return int(METRICS[config.metric])


@contextmanager
def faiss_errors(problem: str) -> Iterator[None]:
    """Translate FAISS's errors: `problem`, such as “FAISS cannot …”, and FAISS's reason.

    Raises:
        WorkbenchError: FAISS raised an error.
    """
    try:
        yield
    except MemoryError as error:
        raise WorkbenchError(
            f"{problem}: there is too little memory.", "Choose an index that stores shorter codes."
        ) from error
    except RuntimeError as error:
        found = REASON.search(str(error))
        reason = " ".join((found.group(1) if found else str(error)).split()).rstrip(".")
        raise WorkbenchError(
            f"{problem}: {reason[:MAX_REASON]}.", "Choose another index, or embed more images."
        ) from error


def empty_index(config: IndexConfig, count: int, dimension: int) -> faiss.Index:
    """Return an index without vectors.

    Raises:
        WorkbenchError: FAISS does not know it, it has ids of its own, or there are too few images
            to train it; the message says how many it needs.
    """
    text = factory_string(config, count, dimension)
    with faiss_errors(f"FAISS cannot make an index “{text}” of {dimension} dimensions"):
        index = faiss.index_factory(dimension, text, metric_of(config))
    for part in parts_of(index):
        if isinstance(part, faiss.IndexIDMap):  # IndexIDMap2 is one, too
            raise WorkbenchError(
                f"“{text}” has ids of its own, but the workbench stores them itself.",
                "Remove IDMap.",
            )
        _skip_polysemous_training(part)
    _check_count(index, config, count)
    set_effort(index, config)
    return index


def _skip_polysemous_training(part: Any) -> None:
    """Skip a training of minutes that is for searches by Hamming distance, which none is here."""
    for name in ("storage", "refine_index"):
        inner = getattr(part, name, None)
        for stored in parts_of(inner) if inner is not None else ():
            _skip_polysemous_training(stored)
    if hasattr(part, "do_polysemous_training"):
        part.do_polysemous_training = False


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


def is_filled_at_once(index: faiss.Index) -> bool:
    """Return whether all vectors have to be added in one call, and none later."""
    return any(isinstance(part, faiss.IndexNSG) for part in parts_of(index))


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
            f"Use {most} lists or fewer, or 0 to choose the number automatically.",
        )
    raise WorkbenchError(
        f"This kind of index needs at least {needed_vectors(index)} images, and only "
        f"{count} are embedded.",
        "Choose Flat, HNSW or SQ8, or embed more images.",
    )


def set_effort(index: faiss.Index, config: IndexConfig) -> None:
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
        # An NSG never ends a search for more vectors than it has
        factor = min(max(float(part.k_factor), MIN_REFINED / k), max(1.0, part.ntotal / k))
        inner = parameters_of(rest, round(k * factor), effort, selector)
        return faiss_any.IndexRefineSearchParameters(k_factor=factor, base_index_params=inner)
    return None if selector is None else faiss_any.SearchParameters(sel=selector)


def bitmap(wanted: NDArray[np.bool_]) -> Any:
    """Return FAISS's selector of the rows for which (N,) `wanted` is true."""
    return faiss_any.IDSelectorBitmap(np.packbits(wanted, bitorder="little"))
