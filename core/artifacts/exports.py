"""Exported files of artifacts: where they are, and how one is published.

The modules of each kind of artifact write the files.
"""

import shutil
from pathlib import Path

from core.artifacts.manifests import Manifest
from core.files import sync_file, sync_folder
from core.workspace import Workspace


def exported_file(workspace: Workspace, manifest: Manifest, name: str) -> Path | None:
    """Return an exported file of an artifact, or None if this artifact has none of that name."""
    path = _folder_of(workspace, manifest) / name
    return path if path.is_file() else None


def publish_export(workspace: Workspace, manifest: Manifest, file: Path) -> Path:
    """Move a complete file to where `exported_file` looks for it, in one rename.

    Exports of a deleted artifact of the same name are removed.
    """
    folder = _folder_of(workspace, manifest)
    folder.mkdir(parents=True, exist_ok=True)
    sync_file(file)
    path = file.replace(folder / file.name)
    sync_folder(folder)
    for other in folder.parent.iterdir():
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
    return path


def _folder_of(workspace: Workspace, manifest: Manifest) -> Path:
    """Return a folder for this artifact only; after its deletion another may have its name.

    It is beside the exports of datasets, whose names all end in a date and a format.
    """
    kind = workspace.artifacts[manifest.kind].name
    return workspace.exports / kind / manifest.id / manifest.fingerprint[:12]
