"""Disk use of a workspace by kind of content."""

import shutil
from dataclasses import dataclass

from core.files import folder_bytes
from core.workspace import Workspace


@dataclass(frozen=True, slots=True)
class DiskUse:
    """Bytes on disk of a workspace."""

    by_kind: dict[str, int]
    """Kind of content → bytes, without kinds that have none, in the order of the workflow."""

    free: int
    """Free bytes on the disk of the workspace."""

    @property
    def total(self) -> int:
        """Bytes of the workspace."""
        return sum(self.by_kind.values())


def disk_use(workspace: Workspace) -> DiskUse:
    """Measure a workspace. It visits every file: some 0.5 s for 100,000 thumbnails."""
    kinds = {
        "Datasets": workspace.datasets,
        "Downloads": workspace.downloads,
        "Pre-trained weights": workspace.weights,
        "Cache of remote images": workspace.objects,
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
    used["Models"] -= used["Pre-trained weights"]  # Their folder is inside
    return DiskUse({kind: size for kind, size in used.items() if size}, free_bytes(workspace))


def free_bytes(workspace: Workspace) -> int:
    """Return the free bytes on the disk of a workspace."""
    parent = next(path for path in (workspace.home, *workspace.home.parents) if path.exists())
    return shutil.disk_usage(parent).free
