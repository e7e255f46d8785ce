"""Building, updating and opening indexes on a Milvus server.

The artifact in the workspace names the collection. It is published once the collection is complete,
so a half-filled collection is never an index, and one that is an index is never changed: a small
update publishes changes beside it, a large one another collection. The manifest is replaced in one
step, so each search has one version of the index, and it alone says which: the app needs no alias
on the server, which would switch apart from the changes and from how queries are embedded.
"""

import time
from pathlib import Path

import numpy as np

from core.artifacts.manifests import Manifest
from core.datasets.registry import open_dataset
from core.embeddings.files import Embeddings
from core.indexes.config import IndexConfig
from core.indexes.deletion import drop_unused_collections, users_of_collections
from core.indexes.milvus.address import needed_address
from core.indexes.milvus.calls import CollectionGoneError
from core.indexes.milvus.changes import Changes, most_changes, read_changes
from core.indexes.milvus.collection import (
    CODE_BYTES,
    COLLECTION,
    MAX_NLIST,
    NLIST,
    Collection,
    collection_name,
)
from core.indexes.milvus.register import (
    FILLING_S,
    RESERVE_EVERY_S,
    SEARCHED_S,
    Entry,
    entry_of,
)
from core.indexes.milvus.rows import present
from core.indexes.milvus.store import MilvusStore
from core.indexes.milvus.sync import differences, sync
from core.progress import Progress, Stop, Work
from core.workspace import Workspace

WAIT_S = 300.0
"""How long an update waits for searches of the previous version."""

POLL_EVERY_S = 0.5


def build_on_milvus(
    workspace: Workspace, embeddings: Embeddings, config: IndexConfig
) -> Work[MilvusStore]:
    """Fill a collection with embeddings, continuing with a half-filled one.

    Raises:
        MissingError: The dataset, which has the classes, is gone.
        WorkbenchError: No server is configured, pymilvus is not installed, the server stays
            unavailable, or it refuses a call.
    """
    collection = _planned(workspace, embeddings, config)
    entry = entry_of(workspace.indexes, collection.name)
    entry.write()
    drop_unused_collections(workspace)
    labels = labels_of(workspace, embeddings)
    work = sync(collection, embeddings.vectors, embeddings.image_ids, labels)
    yield from _reserving(entry, work)
    return MilvusStore(collection, entry=entry)


def next_store(
    workspace: Workspace, store: MilvusStore, embeddings: Embeddings, config: IndexConfig
) -> Work[MilvusStore]:
    """Return the store of an index's next version, over other embeddings or classes.

    It is the same collection with changes if these are few (`most_changes`), else another one.

    Raises:
        WorkbenchError: As `build_on_milvus`.
    """
    vectors, image_ids = embeddings.vectors, embeddings.image_ids
    labels = labels_of(workspace, embeddings)
    collection = store.collection
    try:
        if collection.dimension == vectors.shape[1]:
            places, extra = yield from differences(collection, vectors, image_ids, labels)
            if len(places) + len(extra) <= most_changes(len(image_ids)):
                known = yield from present(collection, image_ids[places])
                changes = Changes(
                    np.union1d(extra, known),
                    image_ids[places],
                    np.ascontiguousarray(vectors[places], np.float32),
                    tuple(labels[place] for place in places.tolist()),
                )
                entry = entry_of(workspace.indexes, collection.name)
                return MilvusStore(collection, changes, entry)
    except CollectionGoneError:
        pass
    return (yield from build_on_milvus(workspace, embeddings, config))


def drop_replaced(workspace: Workspace, store: MilvusStore) -> Work[None]:
    """Drop the collection of an index's previous version once nobody searches it.

    If somebody still does after some minutes, the next change of any index drops it.
    """
    entry = entry_of(workspace.indexes, store.collection.name)
    until = time.monotonic() + WAIT_S
    try:
        while (left := entry.unused_in) and time.monotonic() < until:
            yield Progress(0, 0, f"waiting for searches of the previous version, {left:.0f} s")
            time.sleep(min(left, POLL_EVERY_S))
    except Stop:  # The new version is complete
        return
    drop_unused_collections(workspace)


def labels_of(workspace: Workspace, embeddings: Embeddings) -> list[str]:
    """Return the current class of each embedded image, "" for none.

    Raises:
        MissingError: The dataset is gone.
    """
    catalog = open_dataset(workspace, embeddings.manifest.made_from["dataset"]).catalog
    known = dict(catalog.labels_by_id())
    return [known.get(image_id, "") for image_id in embeddings.image_ids.tolist()]


def classes_fingerprint(workspace: Workspace, embeddings: Embeddings) -> dict[str, str]:
    """Return the `made_from` entry of an index that depends on the classes of the dataset.

    Empty if the embeddings are stale, as the index is stale then, too.
    """
    made_from = embeddings.manifest.made_from
    catalog = open_dataset(workspace, made_from["dataset"]).catalog
    current = (catalog.fingerprint, catalog.images_fingerprint)
    is_fresh = made_from["dataset_fingerprint"] in current
    return {"dataset_fingerprint": current[0]} if is_fresh else {}


def open_on_milvus(manifest: Manifest, content: Path, indexes: Path) -> MilvusStore:
    """Return the store of an index, without calling the server.

    Args:
        manifest: Of the index.
        content: The folder of its files, whose checksums were verified.
        indexes: The folder of all indexes of the workspace.

    Raises:
        WorkbenchError: No server is configured.
    """
    collection = Collection(
        address=needed_address(),
        name=manifest.summary[COLLECTION],
        dimension=manifest.summary["dimension"],
        config=IndexConfig(**manifest.config),
        nlist=manifest.summary[NLIST],
        code_bytes=manifest.summary[CODE_BYTES],
    )
    entry = entry_of(indexes, collection.name)
    entry.reserve(SEARCHED_S)
    changes = read_changes(content, collection.dimension)
    num_rows = manifest.summary["count"] + len(changes.hidden) - len(changes.image_ids)
    return MilvusStore(collection, changes, entry, num_rows)


def _planned(workspace: Workspace, embeddings: Embeddings, config: IndexConfig) -> Collection:
    """Return the collection to fill: always the same one, and never one that may be searched."""
    number, fingerprint, users = 1, embeddings.manifest.fingerprint, users_of_collections(workspace)
    while (name := collection_name(fingerprint, config, number)) in users or entry_of(
        workspace.indexes, name
    ).is_replaced:
        number += 1
    count, dimension = embeddings.vectors.shape
    resolved, parameters = config.resolved(count, dimension), config.entry.parameters
    return Collection(
        address=needed_address(),
        name=name,
        dimension=dimension,
        config=config,
        nlist=min(MAX_NLIST, resolved.nlist) if NLIST in parameters else 0,
        code_bytes=resolved.code_bytes if CODE_BYTES in parameters else 0,
    )


def _reserving(entry: Entry, work: Work[None]) -> Work[None]:
    """Run work that fills a collection, and keep the collection meanwhile."""
    reserved_at = time.monotonic()
    for event in work:
        yield event
        if time.monotonic() > reserved_at + RESERVE_EVERY_S:
            entry.reserve(FILLING_S)
            reserved_at = time.monotonic()
