"""Deleting an index, on disk or on a Milvus server, without importing FAISS or torch."""

from core.artifacts.folders import delete_artifact, list_artifacts
from core.artifacts.manifests import read_manifest
from core.errors import DamagedArtifactError, WorkbenchError
from core.indexes.milvus.address import needed_address
from core.indexes.milvus.calls import CollectionGoneError, call
from core.indexes.milvus.collection import COLLECTION
from core.workspace import Workspace


def delete_index(workspace: Workspace, index_id: str) -> str:
    """Delete an index, with its collection if it is on a Milvus server.

    The collection is dropped first: an index without one can still be deleted. If the server is
    unavailable, the index is deleted all the same.

    Returns:
        A sentence that says what stays on the server and why; empty if nothing does.

    Raises:
        MissingError: There is no such index.
    """
    left = ""
    try:
        name = str(read_manifest(workspace.indexes / index_id).summary.get(COLLECTION, ""))
    except DamagedArtifactError:  # It may have had a collection; its name is lost
        name = ""
    if name and users_of_collections(workspace).get(name, set()) <= {index_id}:
        left = _drop(name)
    delete_artifact(workspace.indexes, index_id)
    return left


def users_of_collections(workspace: Workspace) -> dict[str, set[str]]:
    """Return the name of each collection → the ids of the indexes that use it."""
    users: dict[str, set[str]] = {}
    for manifest in list_artifacts(workspace.indexes)[0]:
        if name := manifest.summary.get(COLLECTION):
            users.setdefault(str(name), set()).add(manifest.id)
    return users


def _drop(name: str) -> str:
    try:
        call(needed_address(), lambda client: client.drop_collection(name))
    except CollectionGoneError:
        return ""
    except WorkbenchError as error:
        return f"Its vectors stay on the server, as the collection {name}. {error.problem}"
    return ""
