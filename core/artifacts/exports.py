"""The files that artifacts were exported to: which there are, and putting one there.

Making them is the business of whoever knows what is inside an artifact.
"""

import shutil
from pathlib import Path

from core.artifacts.manifests import Manifest
from core.files import sync_file, sync_folder
from core.workspace import Workspace


def exported_file(workspace: Workspace, manifest: Manifest, name: str) -> Path | None:
    """Return an artifact's exported file of that name, None if there is none of just this one."""
    path = _place_of(workspace, manifest) / name
    return path if path.is_file() else None


def publish_export(workspace: Workspace, manifest: Manifest, file: Path) -> Path:
    """Move a finished file to where `exported_file` finds it, in one rename.

    Files of a deleted artifact that had the same name are removed.
    """
    folder = _place_of(workspace, manifest)
    folder.mkdir(parents=True, exist_ok=True)
    sync_file(file)
    path = file.replace(folder / file.name)
    sync_folder(folder)
    for other in folder.parent.iterdir():
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
    return path


def _place_of(workspace: Workspace, manifest: Manifest) -> Path:
    """Return a folder of this artifact's own: another may get its name once it is deleted.

    It lies beside the exports of datasets, whose names all end in a date and a format.
    """
    kind = workspace.artifacts[manifest.kind].name
    return workspace.exports / kind / manifest.id / manifest.fingerprint[:12]
