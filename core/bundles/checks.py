"""Checks that the parts of a bundle belong together and fit their manifests.

Shapes, in this file: N embedded images, B images in a block, D embedding dimensions.
"""

from collections.abc import Iterator

import faiss
import numpy as np
from numpy.typing import NDArray

from core.artifacts.manifests import Manifest
from core.embeddings.files import Embeddings
from core.embeddings.unit_rows import check_unit_rows, unit
from core.indexes.config import IndexConfig
from core.indexes.factory import faiss_any
from core.indexes.faiss_store import REMOVED
from core.indexes.files import Index
from core.indexes.probe import probe
from core.models import preprocessing
from core.progress import Work

BLOCK = 1 << 14
SAME = 1e-3
"""Largest difference of two vectors that are equal but for rounding."""

UNCOMPRESSED = (faiss.IndexFlat, faiss.IndexHNSWFlat, faiss.IndexNSGFlat, faiss.IndexIVFFlat)
"""Kinds of index that hold the embeddings themselves."""


def check_chain(model: Manifest, embeddings: Manifest, index: Manifest) -> None:
    """Raise `ValueError` unless each part was made from the one before, with this preprocessing."""
    for made, kind, source in (
        (embeddings, "model", model),
        (index, "model", model),
        (index, "embeddings", embeddings),
    ):
        if made.made_from[f"{kind}_fingerprint"] != source.fingerprint:
            raise ValueError(f"its {made.kind} belongs to another {kind}")
    if embeddings.config.get("preprocessing", preprocessing.VERSION) != preprocessing.VERSION:
        raise ValueError("its images were prepared by another version of this app")


def check_embeddings(embeddings: Embeddings, dimension: int) -> None:
    """Raise `ValueError` or `WorkbenchError` unless these can be embeddings of the model."""
    ids, shape = embeddings.image_ids, (len(embeddings.image_ids), dimension)
    if ids.dtype != np.int64 or ids.ndim != 1 or not len(ids):
        raise ValueError("its image ids are not numbers")
    if ids[0] < 1 or not (np.diff(ids) > 0).all():
        raise ValueError("its image ids are not in order")
    whitening = embeddings.encoding.whitening
    for array, expected in (
        (embeddings.vectors, shape),
        (embeddings.plain, shape),
        *(((whitening.mean, shape[1:]), (whitening.matrix, shape[1:] * 2)) if whitening else ()),
    ):
        if array.dtype != np.float32 or array.shape != expected:
            raise ValueError(f"it has embeddings of {array.shape}, not of {expected}")
    check_unit_rows(embeddings.vectors)
    check_unit_rows(embeddings.plain)
    for start in range(0, len(ids) if whitening else 0, BLOCK):
        part = slice(start, start + BLOCK)
        whitened = unit(whitening.transform(embeddings.plain[part])) if whitening else 0
        if not (np.abs(whitened - embeddings.vectors[part]) <= SAME).all():
            raise ValueError("its embeddings are not whitened as it says")


def check_index(index: Index, embeddings: Embeddings) -> Work[None]:
    """Raise `ValueError` or `WorkbenchError` unless the index is of these embeddings."""
    ids = index.faiss.image_ids
    present = ids[ids != REMOVED]
    if ids.dtype != np.int64 or ids.ndim != 1 or len(np.unique(present)) != len(present):
        raise ValueError("its index names an image twice")
    if not np.isin(present, embeddings.image_ids).all():
        raise ValueError("its index finds images that were not embedded")
    IndexConfig(**index.manifest.config)
    _check_rows(index, embeddings)
    yield from probe(index.store, embeddings)


def _check_rows(index: Index, embeddings: Embeddings) -> None:
    """Compare the rows of an index with the embeddings, as far as it stores them.

    Raises:
        ValueError: Some are not finite, or others.
    """
    ids, is_plain = index.faiss.image_ids, isinstance(_outer(index), UNCOMPRESSED)
    for start, decoded in _decoded(index):
        if not np.isfinite(decoded).all():
            raise ValueError("its index holds values that are not finite")
        block = ids[start : start + len(decoded)]
        rows = embeddings.vectors[embeddings.rows_of(block[block != REMOVED])]
        if is_plain and not (np.abs(decoded[block != REMOVED] - rows) <= SAME).all():
            raise ValueError("its index holds other vectors than its embeddings")


def _outer(index: Index) -> faiss.Index:
    return faiss.downcast_index(index.faiss.index)


def _decoded(index: Index) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield, block by block, the first row and the (B, D) vectors that an index stores.

    Nothing if this kind cannot decode them.

    Raises:
        ValueError: Ids in its lists are no rows.
    """
    outer = _outer(index)
    lists = faiss_any.try_extract_index_ivf(outer)
    if lists is not None:
        lists = faiss_any.downcast_index(lists)
        try:
            lists.set_direct_map_type(faiss_any.DirectMap.Array)
        except RuntimeError as error:
            raise ValueError("its index has ids that are not rows") from error
    try:
        for start in range(0, outer.ntotal, BLOCK):
            yield start, outer.reconstruct_n(start, min(BLOCK, outer.ntotal - start))
    except RuntimeError:
        return
    finally:
        if lists is not None:
            lists.set_direct_map_type(faiss_any.DirectMap.NoMap)
