"""The files that trained models were exported to: which there are, and putting one there.

Making them is the business of `torch_export.py` and `onnx_export.py`.
"""

import shutil
from enum import StrEnum
from pathlib import Path

from core.artifacts import Manifest, read_manifest
from core.files import sync_file, sync_folder
from core.workspace import Workspace, check_name

FOLDER = "models"
"""Beside the exports of datasets, whose names all end in a date and a format."""


class ModelFormat(StrEnum):
    """What a model is exported as."""

    TORCH = "torch"
    """A zip of its weights and a short script that loads them without this project."""

    ONNX = "onnx"
    """One file for any runtime that reads ONNX."""


SUFFIXES = {ModelFormat.TORCH: ".zip", ModelFormat.ONNX: ".onnx"}


def exported_file(workspace: Workspace, model_id: str, model_format: ModelFormat) -> Path | None:
    """Return a model's exported file, None if there is none of just this model yet.

    Raises:
        MissingError: There is no such model.
        DamagedArtifactError: Its manifest was changed.
    """
    manifest = read_manifest(workspace.models / check_name(model_id))
    path = _place_of(workspace, manifest) / file_name(model_id, model_format)
    return path if path.is_file() else None


def file_name(model_id: str, model_format: ModelFormat) -> str:
    """Return what an exported file is called."""
    return f"{model_id}{SUFFIXES[model_format]}"


def put_in_place(workspace: Workspace, manifest: Manifest, file: Path) -> Path:
    """Move a finished file to where `exported_file` finds it, in one rename.

    Files of a deleted model that had the same name are removed.
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
    """Return a folder of this model's own: another one may get its name once it is deleted."""
    return workspace.exports / FOLDER / manifest.id / manifest.fingerprint[:12]
