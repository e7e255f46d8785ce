"""Building, updating and opening indexes on a Milvus server.

The artifact in the workspace names the collection. It is published once the collection is complete,
so a half-filled collection is never an index.
"""

from core.artifacts.manifests import Manifest
from core.datasets.registry import open_dataset
from core.embeddings.files import Embeddings
from core.indexes.config import IndexConfig
from core.indexes.deletion import users_of_collections
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
from core.indexes.milvus.sync import sync
from core.progress import Work
from core.workspace import Workspace


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
    yield from update_collection(workspace, collection, embeddings, is_live=False)
    return MilvusStore(collection, is_fresh=True)


def update_collection(
    workspace: Workspace, collection: Collection, embeddings: Embeddings, *, is_live: bool
) -> Work[None]:
    """Make a collection hold just these embeddings, with the current classes.

    One that `is_live` is an index already, so it stays loaded meanwhile.

    Raises:
        WorkbenchError: As `build_on_milvus`.
    """
    catalog = open_dataset(workspace, embeddings.manifest.made_from["dataset"]).catalog
    known = dict(catalog.labels_by_id())
    labels = [known.get(image_id, "") for image_id in embeddings.image_ids.tolist()]
    vectors, image_ids = embeddings.vectors, embeddings.image_ids
    yield from sync(collection, vectors, image_ids, labels, is_live=is_live)


def classes_fingerprint(workspace: Workspace, embeddings: Embeddings) -> dict[str, str]:
    """Return the `made_from` entry of an index that depends on the classes of the dataset.

    Empty if the embeddings are stale, as the index is stale then, too.
    """
    made_from = embeddings.manifest.made_from
    catalog = open_dataset(workspace, made_from["dataset"]).catalog
    current = (catalog.fingerprint, catalog.images_fingerprint)
    is_fresh = made_from["dataset_fingerprint"] in current
    return {"dataset_fingerprint": current[0]} if is_fresh else {}


def open_on_milvus(manifest: Manifest) -> MilvusStore:
    """Return the store of an index, without calling the server.

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
    """Return the collection to fill: always the same one, and not that of another index."""
    number, fingerprint, users = 1, embeddings.manifest.fingerprint, users_of_collections(workspace)
    while collection_name(fingerprint, config, number) in users:
        number += 1
    count, dimension = embeddings.vectors.shape
    resolved, parameters = config.resolved(count, dimension), config.entry.parameters
    return Collection(
        address=needed_address(),
        name=collection_name(fingerprint, config, number),
        dimension=dimension,
        config=config,
        nlist=min(MAX_NLIST, resolved.nlist) if NLIST in parameters else 0,
        code_bytes=resolved.code_bytes if CODE_BYTES in parameters else 0,
    )
