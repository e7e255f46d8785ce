"""FAISS search parameters: effort and row selection."""

from collections.abc import Sequence
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from core.indexes.factory import faiss_any


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
