"""How much of the disk a workspace takes, and deleting what was made from a dataset."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass

from core.artifacts.folders import delete_artifact
from core.datasets.registry import delete_dataset
from core.errors import MissingError
from core.files import folder_bytes
from core.lineage.graph import read_lineage
from core.workspace import Workspace


@dataclass(frozen=True, slots=True)
class DiskUse:
    """Bytes on disk."""

    by_kind: dict[str, int]
    """Kind → bytes, of each kind that takes any; in the order of a dataset's life."""

    free: int
    """Bytes left on the disk that the workspace lies on."""

    @property
    def total(self) -> int:
        """Bytes that the workspace takes."""
        return sum(self.by_kind.values())


def disk_use(workspace: Workspace) -> DiskUse:
    """Measure the workspace. Looks at every file: some 0.5 s for 100,000 thumbnails."""
    kinds = {
        "Datasets": workspace.datasets,
        "Downloads": workspace.downloads,
        "Pre-trained weights": workspace.weights,
        "Training cache": workspace.features,
        "Training runs": workspace.runs,
        "Models": workspace.models,
        "Embeddings": workspace.embeddings,
        "Indexes": workspace.indexes,
        "Comparisons": workspace.sweeps,
        "Evaluations": workspace.evaluations,
        "Maps": workspace.maps,
        "Analysis": workspace.analyses,
        "Exports": workspace.exports,
        "Job logs": workspace.jobs,
    }
    used = {kind: folder_bytes(folder) for kind, folder in kinds.items()}
    used["Models"] -= used["Pre-trained weights"]  # They lie inside
    return DiskUse({kind: taken for kind, taken in used.items() if taken}, free_bytes(workspace))


def free_bytes(workspace: Workspace) -> int:
    """Return what is left on the disk that the workspace lies on."""
    parent = next(path for path in (workspace.home, *workspace.home.parents) if path.exists())
    return shutil.disk_usage(parent).free


def delete_with_dependents(
    workspace: Workspace, dataset: str, delete_index: Callable[[Workspace, str], str]
) -> list[str]:
    """Delete a dataset and all that was made from it; a user's own image files stay.

    What depends on others goes first, so a crash half-way leaves nothing without its origin.

    Args:
        workspace: Where everything is.
        dataset: Name of the dataset.
        delete_index: `core.indexes.deletion.delete_index`, which also drops a Milvus collection.

    Returns:
        A sentence for each index of which something stays on a Milvus server.
    """
    left = []
    for artifact in read_lineage(workspace).dependents_of(dataset):
        try:
            if artifact.kind == "index":
                left.append(delete_index(workspace, artifact.id))
            else:
                delete_artifact(workspace.artifacts[artifact.kind], artifact.id)
        except MissingError:  # Somebody else deleted it meanwhile
            continue
    delete_dataset(workspace, dataset)
    return [sentence for sentence in left if sentence]
