"""Updating an index to the current dataset without building it again.

Shapes, in this file: N images, B images that are new, D embedding dimensions.
"""

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from core.artifacts.folders import delete_artifact, list_artifacts
from core.artifacts.manifests import Manifest
from core.embeddings.config import read_embed_config
from core.embeddings.embed import embed_dataset
from core.embeddings.files import Embeddings, embeddings_of, open_embeddings
from core.errors import MissingError, UpToDateError
from core.indexes.build import build
from core.indexes.config import IndexConfig
from core.indexes.factory import needed_vectors
from core.indexes.faiss_store import FaissStore
from core.indexes.files import Index, open_index, publish_index
from core.indexes.milvus.build import classes_fingerprint, drop_replaced, next_store
from core.indexes.milvus.register import entry_of
from core.indexes.milvus.store import MilvusStore
from core.indexes.store import UnfitIndexError
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


@dataclass(frozen=True, slots=True)
class ImageChanges:
    """Catalog ids of the images that an index has to remove, and of those to add."""

    removed: NDArray[np.int64]
    added: NDArray[np.int64]

    @property
    def counts(self) -> dict[str, int]:
        """Return the facts for the summary."""
        return {"num_added": len(self.added), "num_removed": len(self.removed)}


def update_index(workspace: Workspace, index_id: str) -> Work[Manifest]:
    """Embed and add the new and changed images of an index's dataset, and remove missing ones.

    The result is the next version of the index, under the same id. Until it has found its own
    images and is complete, searches use the current one. A kind that no image can be added to is
    built again. The embeddings of the current version are deleted if nothing else uses them.

    The summary counts `num_added` and `num_removed`, and has the reason for a rebuild under
    `retrain`, if there is one.

    Raises:
        MissingError: The index, its embeddings, model or dataset is gone.
        UpToDateError: The index has all images of its dataset already.
        WorkbenchError: The index was updated by another job meanwhile.
    """
    index = open_index(workspace, index_id, writable=True)
    old = embeddings_of(workspace, index.manifest)
    config, images = read_embed_config(old.manifest)
    new = yield from embed_dataset(workspace, index.dataset, index.model, config, images)
    embeddings = open_embeddings(workspace, new.id)
    changes = yield from _compare(old, embeddings)
    is_same = not len(changes.removed) and not len(changes.added)
    if index.store.stores_labels:
        classes = classes_fingerprint(workspace, embeddings)
        is_same = is_same and classes.items() <= index.manifest.made_from.items()
    if is_same:
        raise UpToDateError(
            f"{index_id} has all images of its dataset already.", "Use it as it is."
        )
    if isinstance(index.store, MilvusStore):
        updated = yield from update_collection(workspace, index, index.store, embeddings, changes)
    else:
        updated = yield from _update_file(workspace, index, old, embeddings, changes)
    _delete_unused(workspace, old.manifest)
    return updated


def update_collection(
    workspace: Workspace,
    index: Index,
    store: MilvusStore,
    embeddings: Embeddings,
    changes: ImageChanges,
) -> Work[Manifest]:
    """Publish the next version of an index on a server while others search the current one.

    Raises:
        WorkbenchError: The server stays unavailable or refuses a call, or the index was updated by
            another job meanwhile.
    """
    config = IndexConfig(**index.manifest.config)
    following = yield from next_store(workspace, store, embeddings, config)
    is_moved = following.collection.name != store.collection.name
    if is_moved:
        entry_of(workspace.indexes, store.collection.name).replace()
    updated = yield from publish_index(
        workspace,
        embeddings,
        following,
        config,
        # The server trains groups in each of its segments, so a rebuild is never needed
        summary={"retrain": "", **changes.counts},
        replaces=index.manifest,
        added=changes.added,
    )
    if is_moved:
        entry_of(workspace.indexes, store.collection.name).replace()
        yield from drop_replaced(workspace, store)
    return updated


def _update_file(
    workspace: Workspace,
    index: Index,
    old: Embeddings,
    embeddings: Embeddings,
    changes: ImageChanges,
) -> Work[Manifest]:
    """Add and remove images, or else build the index again, and publish its new version."""
    config = IndexConfig(**index.manifest.config)
    publish = partial(publish_index, workspace, embeddings, config=config, replaces=index.manifest)
    try:
        facts = changes.counts | (yield from _change_store(index, old, embeddings, changes))
        return (yield from publish(index.faiss, summary=facts, added=changes.added))
    except UnfitIndexError:
        store = yield from build(embeddings.vectors, embeddings.image_ids, config)
        return (yield from publish(store, summary={"retrain": "", **changes.counts}))


def _change_store(
    index: Index, old: Embeddings, embeddings: Embeddings, changes: ImageChanges
) -> Work[dict[str, Any]]:
    store = index.faiss
    rows = embeddings.rows_of(changes.added)
    vectors = np.ascontiguousarray(embeddings.vectors[rows], np.float32)
    summary = index.manifest.summary
    trained_on = int(summary.get("trained_on", summary["count"]))
    before = np.ascontiguousarray(old.vectors[:: max(1, len(old.vectors) // SAMPLE)], np.float32)
    reason = _reason_to_retrain(store, before, vectors, len(changes.removed), trained_on)
    store.remove(changes.removed)
    yield Progress(0, len(vectors), "adding vectors")
    if len(vectors):
        store.add(vectors, changes.added)
    return {"trained_on": trained_on, "retrain": reason}


def _compare(old: Embeddings, new: Embeddings) -> Work[ImageChanges]:
    """Compare the embeddings of an index with those of the current images."""
    removed = np.setdiff1d(old.image_ids, new.image_ids)
    added = [np.setdiff1d(new.image_ids, old.image_ids)]
    common = np.intersect1d(old.image_ids, new.image_ids)
    for start in range(0, len(common), BLOCK):
        ids = common[start : start + BLOCK]
        before, after = old.vectors[old.rows_of(ids)], new.vectors[new.rows_of(ids)]
        added.append(ids[np.abs(before - after).max(axis=1) > SAME])
        yield Progress(start, len(common), "looking for changes")
    return ImageChanges(removed, np.sort(np.concatenate(added)))


def _delete_unused(workspace: Workspace, embeddings: Manifest) -> None:
    """Delete embeddings that no index is made from any more, and no analysis looks up."""
    users = [*list_artifacts(workspace.indexes)[0], *list_artifacts(workspace.analyses)[0]]
    if any(
        user.made_from.get("embeddings_fingerprint") == embeddings.fingerprint for user in users
    ):
        return
    with suppress(MissingError, PermissionError):  # Windows cannot move files that are open
        delete_artifact(workspace.embeddings, embeddings.id)


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
        return f"{after:,} images, but clusters trained on {trained_on:,}"
    rows = len(store.image_ids) + len(vectors)
    if rows - after > MAX_REMOVED * rows:
        return f"{rows - after:,} of {rows:,} rows are removed images"
    index = faiss.downcast_index(store.index)
    if not isinstance(index, faiss.IndexIVF) or not len(vectors):
        return ""
    if _fit(index, vectors) > MAX_DRIFT + _fit(index, before):
        return "new images are far from the trained clusters"
    return ""


def _fit(index: faiss.IndexIVF, vectors: NDArray[np.float32]) -> float:
    """Return the mean squared distance of unit rows to the center of their group."""
    centers = index.quantizer.reconstruct_n(0, index.nlist)
    distances, _ = faiss.knn(vectors, centers, 1, faiss.METRIC_L2)
    return float(distances.mean())
