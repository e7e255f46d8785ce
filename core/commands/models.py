"""The verbs that make a model without training, take one out of the workspace, and bring one in.

torch, onnx and scikit-learn are imported when a verb runs: the command line answers at once.
"""

import argparse
from pathlib import Path

from core.commands.command import STARTING, Command, Result, artifact_facts, describe_artifact
from core.models.backbone_model_config import BackboneModelConfig
from core.models.exports import ModelFormat
from core.options import add_options, read_options
from core.progress import Work
from core.workspace import Workspace


def _configure_trunk(parser: argparse.ArgumentParser) -> None:
    add_options(parser, BackboneModelConfig)


def _run_trunk(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    config = read_options(options, BackboneModelConfig)
    yield STARTING
    from core.models.backbone_models import fit_backbone_model

    return artifact_facts((yield from fit_backbone_model(workspace, config)))


def _configure_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", required=True, help="id of the model")
    parser.add_argument(
        "--format", choices=list(ModelFormat), required=True, help="for PyTorch, or for ONNX"
    )


def _run_export(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    yield STARTING
    if options.format == ModelFormat.TORCH:
        from core.models.torch_export import export_torch

        path = yield from export_torch(workspace, options.model)
    else:
        from core.models.onnx_export import export_onnx

        path = yield from export_onnx(workspace, options.model)
    return {
        "model": options.model,
        "format": options.format,
        "path": str(path),
        "size_bytes": path.stat().st_size,
    }


def _describe_export(result: Result) -> str:
    return f"{result['model']} exported, {result['size_bytes'] / 1e6:.0f} MB: {result['path']}"


def _configure_import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "path", type=Path, metavar="FILE", help="an exported model.safetensors, or a .pth like it"
    )
    parser.add_argument("--name", required=True, help="what to call the model")
    parser.add_argument("--remove", action="store_true", help="remove the file afterwards")


def _run_import(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    yield STARTING
    from core.models.importing import import_model

    manifest = yield from import_model(workspace, options.path, options.name)
    if options.remove:
        options.path.unlink(missing_ok=True)
    return artifact_facts(manifest)


FIT_TRUNK = Command(
    "make a pre-trained trunk a model, without training",
    _configure_trunk,
    _run_trunk,
    describe_artifact,
)
EXPORT_MODEL = Command(
    "take a model out, for use without this app", _configure_export, _run_export, _describe_export
)
IMPORT_MODEL = Command(
    "bring in a model that was taken out", _configure_import, _run_import, describe_artifact
)
