"""Checks that the parts of a bundle belong together and fit their manifests."""

import numpy as np

from core.artifacts.manifests import Manifest
from core.embeddings.files import Embeddings
from core.embeddings.unit_rows import check_unit_rows
from core.indexes.config import IndexConfig
from core.indexes.files import Index
from core.models import preprocessing


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
        raise ValueError("its image ids are no numbers")
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


def check_index(index: Index, embeddings: Embeddings) -> None:
    """Raise `ValueError` or `WorkbenchError` unless the index is of these embeddings."""
    present = index.faiss.image_ids[index.faiss.image_ids > 0]
    if not np.isin(present, embeddings.image_ids).all():
        raise ValueError("its index finds images that were not embedded")
    IndexConfig(**index.manifest.config)
    index.store.search(np.asarray(embeddings.vectors[:1]), 1)
