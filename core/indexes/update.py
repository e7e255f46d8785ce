"""Bringing an index up to its dataset without building it again.

Shapes, in this file: N images, B images that are new, D embedding dimensions.
"""

from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from core.artifacts.folders import delete_artifact
from core.artifacts.manifests import Manifest
from core.artifacts.titles import read_title, write_title
from core.embeddings.config import read_embed_config
from core.embeddings.files import Embeddings, embed_dataset, open_embeddings
from core.errors import WorkbenchError
from core.indexes.config import IndexConfig
from core.indexes.factory import needed_vectors
from core.indexes.faiss_store import FaissStore
from core.indexes.files import Index, open_index, publish_index
from core.indexes.milvus.build import classes_fingerprint, update_collection
from core.indexes.milvus.store import MilvusStore
from core.progress import Progress, Work
from core.workspace import Workspace

BLOCK = 1 << 15
SAME = 1e-3
"""Up to which two embeddings are of one content: rounding depends on the batch around an image."""

MAX_GROWTH = 2.0
"""Times the images that groups and codes were learnt from, up to which they are good enough."""

MAX_REMOVED = 0.2
"""Share of rows that are passed over, from which on building anew gives memory back."""

MAX_DRIFT = 0.2
"""By how much further, squared, new images may be from the centers of their groups than old ones:
twice what their cosine similarity to the center is less."""

SAMPLE = 2000
"""Old images that new ones are compared with."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What a dataset has that an index has not, and the other way round; catalog ids."""

    gone: NDArray[np.int64]
    new: NDArray[np.int64]
    """Also those whose content, so their embedding, is another one now."""


def update_index(workspace: Workspace, index_id: str) -> Work[Manifest]:
    """Embed what is new or changed in an index's dataset, add it, and take out what is gone.

    The result takes the index's place and title. Its summary counts `num_added` and `num_removed`,
    and says under `retrain` why building it anew would pay, if it would.

    Raises:
        MissingError: The index, or what it was made from, is gone.
        WorkbenchError: The index is up to date.
    """
    index = open_index(workspace, index_id, writable=True)
    old = open_embeddings(workspace, index.embeddings)
    way, images = read_embed_config(old.manifest)
    made = yield from embed_dataset(workspace, index.dataset, index.model, way, images)
    embeddings = open_embeddings(workspace, made.id)
    difference = yield from _compare(old, embeddings)
    is_same = not len(difference.gone) and not len(difference.new)
    if isinstance(index.store, MilvusStore):
        classes = classes_fingerprint(workspace, embeddings)
        is_same = is_same and classes.items() <= index.manifest.made_from.items()
    if is_same:
        raise WorkbenchError(
            f"{index_id} has all images of its dataset already.", "Use it as it is."
        )
    if isinstance(index.store, MilvusStore):
        facts = yield from _update_milvus(workspace, index.store, embeddings)
    else:
        facts = yield from _update_faiss(index, old, embeddings, difference)
    config = IndexConfig(**index.manifest.config)
    counts = {"num_added": len(difference.new), "num_removed": len(difference.gone)}
    updated = publish_index(workspace, embeddings, index.store, config, summary=facts | counts)
    _take_the_place(workspace, index_id, updated)
    return updated


def _update_faiss(
    index: Index, old: Embeddings, embeddings: Embeddings, difference: Difference
) -> Work[dict[str, Any]]:
    store = index.faiss
    vectors = np.ascontiguousarray(
        embeddings.vectors[embeddings.rows_of(difference.new)], np.float32
    )
    summary = index.manifest.summary
    trained_on = int(summary.get("trained_on", summary["count"]))
    before = np.ascontiguousarray(old.vectors[:: max(1, len(old.vectors) // SAMPLE)], np.float32)
    reason = _reason_to_retrain(store, before, vectors, len(difference.gone), trained_on)
    store.remove(difference.gone)
    yield Progress(0, len(vectors), "adding vectors")
    if len(vectors):
        store.add(vectors, difference.new)
    return {"trained_on": trained_on, "retrain": reason}


def _update_milvus(
    workspace: Workspace, store: MilvusStore, embeddings: Embeddings
) -> Work[dict[str, Any]]:
    """Change the collection where it is, which others search meanwhile.

    The server learns groups anew in each of its segments, so building it anew never pays.
    """
    yield from update_collection(workspace, store.collection, embeddings, is_live=True)
    return {"retrain": ""}


def _compare(old: Embeddings, new: Embeddings) -> Work[Difference]:
    """Find which images came, went or changed, by their embeddings."""
    gone = np.setdiff1d(old.image_ids, new.image_ids)
    came = [np.setdiff1d(new.image_ids, old.image_ids)]
    common = np.intersect1d(old.image_ids, new.image_ids)
    for start in range(0, len(common), BLOCK):
        ids = common[start : start + BLOCK]
        before, after = old.vectors[old.rows_of(ids)], new.vectors[new.rows_of(ids)]
        came.append(ids[np.abs(before - after).max(axis=1) > SAME])
        yield Progress(start, len(common), "looking for what has changed")
    return Difference(gone, np.sort(np.concatenate(came)))


def _reason_to_retrain(
    store: FaissStore,
    before: NDArray[np.float32],
    vectors: NDArray[np.float32],
    num_gone: int,
    trained_on: int,
) -> str:
    """Say why building the index anew would pay once these are added; empty if it would not."""
    after = store.count - num_gone + len(vectors)
    if needed_vectors(store.index) and after > MAX_GROWTH * trained_on:
        return f"it holds {after:,} images, and its groups were learnt from {trained_on:,}"
    rows = len(store.image_ids) + len(vectors)
    if rows - after > MAX_REMOVED * rows:
        return f"{rows - after:,} of its {rows:,} rows are passed over"
    index = faiss.downcast_index(store.index)
    if not isinstance(index, faiss.IndexIVF) or not len(vectors):
        return ""
    if _fit(index, vectors) > MAX_DRIFT + _fit(index, before):
        return "the new images are far from the groups that it has learnt"
    return ""


def _fit(index: faiss.IndexIVF, vectors: NDArray[np.float32]) -> float:
    """Return how far unit rows are from the center of their group, squared, on average."""
    centers = index.quantizer.reconstruct_n(0, index.nlist)
    distances, _ = faiss.knn(vectors, centers, 1, faiss.METRIC_L2)
    return float(distances.mean())


def _take_the_place(workspace: Workspace, index_id: str, updated: Manifest) -> None:
    """Call the updated index as the old one was called, and let the old one go."""
    title = read_title(workspace.indexes, index_id)
    if title != index_id:
        write_title(workspace.indexes, updated.id, title)
    delete_artifact(workspace.indexes, index_id)
