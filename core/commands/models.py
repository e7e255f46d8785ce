"""Verbs for models: create one without training, export and import one, and embed with one."""

import argparse

from core.commands.command import (
    STARTING,
    Command,
    Lane,
    Result,
    artifact_facts,
    choice,
    export_facts,
    option,
)
from core.commands.shared_options import (
    DATASET,
    IMAGE_OPTIONS,
    MODEL,
    REMOVE,
    path_option,
    read_image_options,
)
from core.embeddings.config import EmbedConfig
from core.embeddings.engine import EngineConfig
from core.models.backbone_model_config import BackboneModelConfig, fitted_config
from core.models.exports import ModelFormat
from core.options import given_options, read_options
from core.progress import Work
from core.workspace import Workspace


def _fit_pca(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    config = fitted_config(**given_options(options, BackboneModelConfig))
    yield STARTING
    from core.models.backbone_models import fit_backbone_model

    return artifact_facts((yield from fit_backbone_model(workspace, config)))


def _export_model(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    yield STARTING
    if options.format == ModelFormat.TORCH:
        from core.models.torch_export import export_torch

        path = yield from export_torch(workspace, options.model)
    else:
        from core.models.onnx_export import export_onnx

        path = yield from export_onnx(workspace, options.model)
    return export_facts(path, model=options.model, format=options.format)


def _describe_export(result: Result) -> str:
    return f"{result['model']} exported, {result['size_bytes'] / 1e6:.0f} MB: {result['path']}"


def _import_model(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    yield STARTING
    from core.models.importing import import_model

    manifest = yield from import_model(workspace, options.path, options.name)
    if options.remove:
        options.path.unlink(missing_ok=True)
    return artifact_facts(manifest)


def _embed(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    config, images = read_options(options, EmbedConfig), read_image_options(options)
    where = read_options(options, EngineConfig)
    yield STARTING
    from core.embeddings.embed import embed_dataset

    manifest = yield from embed_dataset(
        workspace, options.dataset, options.model, config, images, where
    )
    return artifact_facts(manifest)


FIT_PCA = Command(
    name="fit-pca",
    help="Create a model from a pre-trained backbone and PCA, without training",
    configs=(BackboneModelConfig,),
    run=_fit_pca,
    makes="model",
    title="Fitting PCA on {backbone} for {dataset}",
    old_names=("fit-trunk",),
)
EXPORT_MODEL = Command(
    name="export-model",
    help="Export a model for use without this app",
    options=(MODEL, choice("--format", "For PyTorch or for ONNX.", ModelFormat)),
    run=_export_model,
    describe=_describe_export,
    lane=Lane.FILES,
    title="Exporting {model} ({format})",
)
IMPORT_MODEL = Command(
    name="import-model",
    help="Import a model file",
    options=(
        path_option("FILE", "An exported model.safetensors, or a .pth of the same contents."),
        option("--name", "Name of the model.", required=True),
        REMOVE,
    ),
    run=_import_model,
    makes="model",
    lane=Lane.FILES,
    title="Importing the model {name}",
)
EMBED = Command(
    name="embed",
    help="Embed a dataset with a model",
    configs=(EmbedConfig, EngineConfig),
    options=(DATASET, MODEL, *IMAGE_OPTIONS),
    run=_embed,
    makes="embeddings",
    title="Embedding {dataset} with {model}",
)
COMMANDS = (FIT_PCA, EXPORT_MODEL, IMPORT_MODEL, EMBED)
