"""Indexes that are kept on a Milvus server: what of them is in the workspace, and what is there.

The artifact here names the collection there. It is published when the collection is full, so a half
filled collection is never an index.
"""

from typing import Any

from core.artifacts.manifests import Manifest
from core.datasets.registry import open_dataset
from core.embeddings.files import Embeddings
from core.indexes.config import IVF_KINDS, IndexConfig, IndexKind
from core.indexes.deletion import users_of_collections
from core.indexes.factory import code_bytes, default_nlist
from core.indexes.milvus.address import needed_address
from core.indexes.milvus.collection import (
    CODE_BYTES,
    COLLECTION,
    MAX_NLIST,
    NLIST,
    Collection,
    collection_name,
)
from core.indexes.milvus.store import MilvusStore
from core.indexes.milvus.sync import SyncResult, sync
from core.progress import Work
from core.workspace import Workspace


def build_on_milvus(
    workspace: Workspace, embeddings: Embeddings, config: IndexConfig
) -> Work[MilvusStore]:
    """Fill a collection with embeddings; where one was half filled with them, go on with that.

    Raises:
        MissingError: The dataset is gone, which knows the classes.
        WorkbenchError: No server is configured, pymilvus is not installed, the server stays away,
            or it refuses something.
    """
    collection = _planned(workspace, embeddings, config)
    yield from update_collection(workspace, collection, embeddings, is_live=False)
    return MilvusStore(collection)


def update_collection(
    workspace: Workspace, collection: Collection, embeddings: Embeddings, *, is_live: bool
) -> Work[SyncResult]:
    """Make a collection hold just these embeddings, with the classes as they are now.

    Args:
        workspace: Where the dataset is.
        collection: Which.
        embeddings: What it is to hold.
        is_live: An index is kept in it already, so it stays loaded meanwhile.

    Raises:
        WorkbenchError: As `build_on_milvus`.
    """
    catalog = open_dataset(workspace, embeddings.manifest.made_from["dataset"]).catalog
    known = dict(catalog.labels_by_id())
    labels = [known.get(image_id, "") for image_id in embeddings.image_ids.tolist()]
    vectors, image_ids = embeddings.vectors, embeddings.image_ids
    return (yield from sync(collection, vectors, image_ids, labels, is_live=is_live))


def classes_fingerprint(workspace: Workspace, embeddings: Embeddings) -> dict[str, str]:
    """Return what of `made_from` says that an index goes by classes as well as by images.

    Empty where the embeddings are stale already: then the index is, too.
    """
    made_from = embeddings.manifest.made_from
    catalog = open_dataset(workspace, made_from["dataset"]).catalog
    current = (catalog.fingerprint, catalog.images_fingerprint)
    is_fresh = made_from["dataset_fingerprint"] in current
    return {"dataset_fingerprint": current[0]} if is_fresh else {}


def describe(store: MilvusStore) -> dict[str, Any]:
    """Return what the summary of an index says of where it is kept; nothing of the address."""
    collection = store.collection
    return {
        COLLECTION: collection.name,
        NLIST: collection.nlist,
        CODE_BYTES: collection.code_bytes,
    }


def open_on_milvus(manifest: Manifest) -> MilvusStore:
    """Return the store of an index, without asking the server yet.

    Raises:
        WorkbenchError: No server is configured.
    """
    return MilvusStore(
        Collection(
            address=needed_address(),
            name=manifest.summary[COLLECTION],
            dimension=manifest.summary["dimension"],
            config=IndexConfig(**manifest.config),
            nlist=manifest.summary[NLIST],
            code_bytes=manifest.summary[CODE_BYTES],
        )
    )


def _planned(workspace: Workspace, embeddings: Embeddings, config: IndexConfig) -> Collection:
    """Return the collection to fill: one that no index is kept in, and always the same one."""
    number, fingerprint, users = 1, embeddings.manifest.fingerprint, users_of_collections(workspace)
    while collection_name(fingerprint, config, number) in users:
        number += 1
    count, dimension = embeddings.vectors.shape
    is_grouped = config.kind in IVF_KINDS
    return Collection(
        address=needed_address(),
        name=collection_name(fingerprint, config, number),
        dimension=dimension,
        config=config,
        nlist=min(MAX_NLIST, config.nlist or default_nlist(count)) if is_grouped else 0,
        code_bytes=code_bytes(config, dimension) if config.kind == IndexKind.IVF_PQ else 0,
    )
