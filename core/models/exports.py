"""Formats and files of exported models; `torch_export.py` and `onnx_export.py` write them."""

from enum import StrEnum
from pathlib import Path

from core.artifacts import exports
from core.artifacts.manifests import read_manifest
from core.workspace import Workspace, check_name


class ModelFormat(StrEnum):
    """Format of an exported model."""

    TORCH = "torch"
    """A zip of its weights and a script that loads them without this project."""

    ONNX = "onnx"
    """One file for any runtime that reads ONNX."""


SUFFIXES = {ModelFormat.TORCH: ".zip", ModelFormat.ONNX: ".onnx"}


def exported_file(workspace: Workspace, model_id: str, model_format: ModelFormat) -> Path | None:
    """Return a model's exported file; None if this model was not exported yet.

    Raises:
        MissingError: There is no such model.
        DamagedArtifactError: Its manifest was changed.
    """
    manifest = read_manifest(workspace.models / check_name(model_id))
    name = file_name(model_id, model_format)
    return exports.exported_file(workspace, manifest, name)


def file_name(model_id: str, model_format: ModelFormat) -> str:
    """Return the name of an exported file."""
    return f"{model_id}{SUFFIXES[model_format]}"
