"""Deletion of a dataset together with all artifacts made from it."""

from collections.abc import Callable

from core.artifacts.folders import delete_artifact
from core.datasets.registry import delete_dataset
from core.errors import MissingError
from core.lineage.graph import read_lineage
from core.workspace import Workspace


def delete_with_dependents(
    workspace: Workspace, dataset: str, delete_index: Callable[[Workspace, str], str]
) -> list[str]:
    """Delete a dataset and all artifacts made from it; image files outside the workspace stay.

    Dependents are deleted before their sources, so that a crash leaves no artifact without its
    source.

    Args:
        workspace: The workspace of the dataset.
        dataset: Name of the dataset.
        delete_index: `core.indexes.deletion.delete_index`, which also drops a Milvus collection.

    Returns:
        A message for each index of which data remain on a Milvus server.
    """
    messages = []
    for artifact in read_lineage(workspace).dependents_of(dataset):
        try:
            if artifact.kind == "index":
                messages.append(delete_index(workspace, artifact.id))
            else:
                delete_artifact(workspace.artifacts[artifact.kind], artifact.id)
        except MissingError:  # Deleted meanwhile
            continue
    delete_dataset(workspace, dataset)
    return [message for message in messages if message]
