"""Updating an index to the current dataset without building it again.

Shapes, in this file: N images, B images that are new, D embedding dimensions.
"""

from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from core.artifacts.folders import delete_artifact
from core.artifacts.manifests import Manifest
from core.artifacts.titles import read_title, write_title
from core.embeddings.config import read_embed_config
from core.embeddings.embed import embed_dataset
from core.embeddings.files import Embeddings, open_embeddings
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
"""Largest difference of two embeddings of one image: rounding depends on the batch around it."""

MAX_GROWTH = 2.0
"""Growth since training up to which groups and codes are good enough."""

MAX_REMOVED = 0.2
"""Share of removed rows above which a rebuild saves memory."""

MAX_DRIFT = 0.2
"""By how much the mean squared distance to the group centers may be larger for new images than for
old ones; it is twice the difference of the cosine similarities."""

SAMPLE = 2000
"""Old images that new ones are compared with."""


def update_index(workspace: Workspace, index_id: str) -> Work[Manifest]:
    """Embed and add the new and changed images of an index's dataset, and remove missing ones.

    The result replaces the index and gets its title. Its summary counts `num_added` and
    `num_removed`, and has the reason for a rebuild under `retrain`, if there is one.

    Raises:
        MissingError: The index, its embeddings, model or dataset is gone.
        WorkbenchError: The index is up to date.
    """
    index = open_index(workspace, index_id, writable=True)
    old = open_embeddings(workspace, index.embeddings)
    config, images = read_embed_config(old.manifest)
    new = yield from embed_dataset(workspace, index.dataset, index.model, config, images)
    embeddings = open_embeddings(workspace, new.id)
    removed, added = yield from _compare(old, embeddings)
    is_same = not len(removed) and not len(added)
    if index.store.stores_labels:
        classes = classes_fingerprint(workspace, embeddings)
        is_same = is_same and classes.items() <= index.manifest.made_from.items()
    if is_same:
        raise WorkbenchError(
            f"{index_id} has all images of its dataset already.", "Use it as it is."
        )
    if isinstance(index.store, MilvusStore):  # While others search it
        yield from update_collection(workspace, index.store.collection, embeddings, is_live=True)
        # The server trains groups in each of its segments, so a rebuild is never needed
        facts: dict[str, Any] = {"retrain": ""}
    else:
        facts = yield from _update_faiss(index, old, embeddings, removed, added)
    counts = {"num_added": len(added), "num_removed": len(removed)}
    updated = publish_index(
        workspace,
        embeddings,
        index.store,
        IndexConfig(**index.manifest.config),
        summary=facts | counts,
    )
    title = read_title(workspace.indexes, index_id)
    if title != index_id:
        write_title(workspace.indexes, updated.id, title)
    delete_artifact(workspace.indexes, index_id)
    return updated


def _update_faiss(
    index: Index,
    old: Embeddings,
    embeddings: Embeddings,
    removed: NDArray[np.int64],
    added: NDArray[np.int64],
) -> Work[dict[str, Any]]:
    store = index.faiss
    vectors = np.ascontiguousarray(embeddings.vectors[embeddings.rows_of(added)], np.float32)
    summary = index.manifest.summary
    trained_on = int(summary.get("trained_on", summary["count"]))
    before = np.ascontiguousarray(old.vectors[:: max(1, len(old.vectors) // SAMPLE)], np.float32)
    reason = _reason_to_retrain(store, before, vectors, len(removed), trained_on)
    store.remove(removed)
    yield Progress(0, len(vectors), "adding vectors")
    if len(vectors):
        store.add(vectors, added)
    return {"trained_on": trained_on, "retrain": reason}


def _compare(old: Embeddings, new: Embeddings) -> Work[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return the ids of the images that were removed, and of those that are new or changed."""
    removed = np.setdiff1d(old.image_ids, new.image_ids)
    added = [np.setdiff1d(new.image_ids, old.image_ids)]
    common = np.intersect1d(old.image_ids, new.image_ids)
    for start in range(0, len(common), BLOCK):
        ids = common[start : start + BLOCK]
        before, after = old.vectors[old.rows_of(ids)], new.vectors[new.rows_of(ids)]
        added.append(ids[np.abs(before - after).max(axis=1) > SAME])
        yield Progress(start, len(common), "looking for changes")
    return removed, np.sort(np.concatenate(added))


def _reason_to_retrain(
    store: FaissStore,
    before: NDArray[np.float32],
    vectors: NDArray[np.float32],
    num_removed: int,
    trained_on: int,
) -> str:
    """Return why the index should be rebuilt after this update; empty if it need not be."""
    after = store.count - num_removed + len(vectors)
    if needed_vectors(store.index) and after > MAX_GROWTH * trained_on:
        return f"it holds {after:,} images, and its groups were trained on {trained_on:,}"
    rows = len(store.image_ids) + len(vectors)
    if rows - after > MAX_REMOVED * rows:
        return f"{rows - after:,} of its {rows:,} rows are of removed images"
    index = faiss.downcast_index(store.index)
    if not isinstance(index, faiss.IndexIVF) or not len(vectors):
        return ""
    if _fit(index, vectors) > MAX_DRIFT + _fit(index, before):
        return "the new images are far from the groups that it was trained on"
    return ""


def _fit(index: faiss.IndexIVF, vectors: NDArray[np.float32]) -> float:
    """Return the mean squared distance of unit rows to the center of their group."""
    centers = index.quantizer.reconstruct_n(0, index.nlist)
    distances, _ = faiss.knn(vectors, centers, 1, faiss.METRIC_L2)
    return float(distances.mean())
