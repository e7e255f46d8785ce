"""Deleting an index, on disk or on a Milvus server, without importing FAISS or torch."""

from core.artifacts.folders import delete_artifact, list_artifacts
from core.artifacts.manifests import read_manifest
from core.errors import DamagedArtifactError, WorkbenchError
from core.indexes.milvus.address import needed_address
from core.indexes.milvus.calls import CollectionGoneError, call
from core.indexes.milvus.collection import COLLECTION
from core.indexes.milvus.register import Entry, entries, entry_of
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
        entry = entry_of(workspace.indexes, name)
        if left := _drop(entry):
            entry.replace()
    delete_artifact(workspace.indexes, index_id)
    if name and not left:
        drop_unused_collections(workspace)
    return left


def drop_unused_collections(workspace: Workspace) -> None:
    """Drop the collections that belong to no index and are neither filled nor searched.

    Updates leave such collections, and builds and updates that are not continued. If the server is
    unavailable, they are left to the next change of an index.
    """
    unused = [entry for entry in entries(workspace) if not entry.unused_in]
    if not unused:
        return
    manifests, damaged = list_artifacts(workspace.indexes)
    if damaged:  # One of the collections may be its
        return
    used = {str(manifest.summary.get(COLLECTION)) for manifest in manifests}
    for entry in unused:
        if entry.name not in used and _drop(entry):
            return


def users_of_collections(workspace: Workspace) -> dict[str, set[str]]:
    """Return the name of each collection → the ids of the indexes that use it."""
    users: dict[str, set[str]] = {}
    for manifest in list_artifacts(workspace.indexes)[0]:
        if name := manifest.summary.get(COLLECTION):
            users.setdefault(str(name), set()).add(manifest.id)
    return users


def _drop(entry: Entry) -> str:
    """Drop a collection, and return a sentence that says why it stays; empty if it does not."""
    try:
        call(needed_address(), lambda client: client.drop_collection(entry.name))
    except CollectionGoneError:
        pass
    except WorkbenchError as error:
        return (
            f"Its vectors stay on the server, as the collection {entry.name}. {error.problem} "
            "They are deleted when an index is next built, updated or deleted."
        )
    entry.remove()
    return ""
