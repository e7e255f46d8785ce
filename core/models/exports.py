"""What trained models are exported as, and the files there are.

Making them is the business of `torch_export.py` and `onnx_export.py`.
"""

from enum import StrEnum
from pathlib import Path

from core.artifacts import exports
from core.artifacts.manifests import read_manifest
from core.workspace import Workspace, check_name


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
    name = file_name(model_id, model_format)
    return exports.exported_file(workspace, manifest, name)


def file_name(model_id: str, model_format: ModelFormat) -> str:
    """Return what an exported file is called."""
    return f"{model_id}{SUFFIXES[model_format]}"
