"""Rebuild of all that is stale in the lineage of an index, and of nothing else."""

from dataclasses import replace

from core.artifacts.manifests import Manifest
from core.embeddings.config import read_embed_config
from core.embeddings.embed import embed_dataset
from core.errors import MissingError, WorkbenchError
from core.evaluation.config import EvaluateConfig
from core.evaluation.evaluate import evaluate
from core.indexes.config import IndexConfig
from core.lineage.graph import Lineage, read_lineage
from core.maps.config import MapConfig
from core.maps.files import build_map
from core.models.backbone_model_config import BackboneModelConfig
from core.pipeline.reuse import make_index, make_model
from core.pipeline.stages import Made, Stage, run_stages
from core.progress import Work
from core.training.config import TrainConfig
from core.workspace import Workspace


def rebuild(workspace: Workspace, index_id: str) -> Work[Made]:
    """Make new artifacts in place of the stale ones that an index depends on or that depend on it.

    The model is trained again, with its own settings, if its images, labels or splits have changed;
    images are embedded and indexed if anything has; the evaluation and the map are made again if
    the index had one. The older artifacts stay.

    Raises:
        MissingError: There is no such index, or its dataset was deleted.
        WorkbenchError: Its model is gone or was imported, so that it cannot be trained again.
        Stop: The pipeline was stopped.
    """
    lineage = read_lineage(workspace)
    index = lineage.index(index_id)
    if index is None:
        raise MissingError(f"There is no index {index_id}.", "Choose another one.")
    config = IndexConfig(**index.config)
    stages = (
        Stage("Training", 70, lambda _: _model(workspace, lineage, index)),
        Stage("Embedding", 15, lambda made: _embed(workspace, index, made)),
        Stage("Building the index", 1, lambda made: make_index(workspace, made, config)),
        Stage("Evaluating", 4, lambda made: _evaluate(workspace, lineage, index, made)),
        Stage("Mapping", 10, lambda made: _map(workspace, lineage, index, made)),
    )
    return (yield from run_stages(stages))


def _model(workspace: Workspace, lineage: Lineage, index: Manifest) -> Work[Manifest]:
    model = lineage.model(index.made_from["model"])
    if model is None:
        raise WorkbenchError(
            f"The model of {index.id} was deleted.", "Train a model, and build an index with it."
        )
    if not lineage.stale_reason(model):
        return model
    if "train" in model.config:
        return (yield from make_model(workspace, TrainConfig(**model.config["train"])))
    config = BackboneModelConfig(**model.config["backbone_model"])
    return (yield from make_model(workspace, config))


def _embed(workspace: Workspace, index: Manifest, made: Made) -> Work[Manifest]:
    config, images = read_embed_config(index)
    dataset = index.made_from["dataset"]
    return (yield from embed_dataset(workspace, dataset, made["model"].id, config, images))


def _evaluations_of(lineage: Lineage, index: Manifest) -> list[Manifest]:
    of_dataset = lineage.evaluations_of(index.made_from["dataset"])
    # Also those of its earlier versions
    return [each for each in of_dataset if each.made_from.get("index") == index.id]


def _evaluate(
    workspace: Workspace, lineage: Lineage, index: Manifest, made: Made
) -> Work[Manifest | None]:
    evaluations = _evaluations_of(lineage, index)
    if not evaluations:
        return None
    now = read_lineage(workspace)
    for existing in _evaluations_of(now, made["index"]):
        if not now.stale_reason(existing):
            return existing
    config = EvaluateConfig(**evaluations[0].config)
    return (yield from evaluate(workspace, replace(config, index=made["index"].id)))


def _map(
    workspace: Workspace, lineage: Lineage, index: Manifest, made: Made
) -> Work[Manifest | None]:
    maps = lineage.maps_of(index)
    if not maps:
        return None
    if existing := read_lineage(workspace).maps_of(made["index"]):
        return existing[0]
    config = MapConfig(**maps[0].config)
    return (yield from build_map(workspace, replace(config, index=made["index"].id)))
