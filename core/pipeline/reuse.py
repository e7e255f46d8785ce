"""Models and indexes of a pipeline: those that exist are returned instead of made again."""

from core.artifacts.manifests import Manifest
from core.datasets.registry import open_dataset
from core.indexes.config import IndexConfig
from core.indexes.files import build_index
from core.indexes.info import find_index
from core.lineage.graph import read_lineage
from core.models.backbone_model_config import BackboneModelConfig
from core.models.backbone_models import fit_backbone_model
from core.pipeline.stages import Made
from core.progress import Work
from core.training.config import TrainConfig
from core.training.train import train
from core.workspace import Workspace


def make_model(workspace: Workspace, config: TrainConfig | BackboneModelConfig) -> Work[Manifest]:
    """Train a model or fit a PCA, unless there is one of the same images and settings."""
    if existing := _existing_model(workspace, config):
        return existing
    if isinstance(config, TrainConfig):
        return (yield from train(workspace, config))
    return (yield from fit_backbone_model(workspace, config))


def make_index(workspace: Workspace, made: Made, config: IndexConfig) -> Work[Manifest]:
    """Build an index of the embeddings that were made, unless there is one."""
    if existing := find_index(read_lineage(workspace), made["embeddings"], config):
        return existing
    return (yield from build_index(workspace, made["embeddings"].id, config))


def _existing_model(
    workspace: Workspace, config: TrainConfig | BackboneModelConfig
) -> Manifest | None:
    """Return a complete model of the dataset as it is with these settings, or None."""
    dataset = open_dataset(workspace, config.dataset)
    kind = "train" if isinstance(config, TrainConfig) else "backbone_model"
    for model in read_lineage(workspace).models_of(dataset.name):
        is_current = model.made_from["dataset_fingerprint"] == dataset.catalog.fingerprint
        settings = model.config.get(kind)
        if not is_current or settings is None or type(config)(**settings) != config:
            continue
        if isinstance(config, BackboneModelConfig):
            return model
        if model.summary["epochs_trained"] == config.epochs:  # Not stopped before its end
            return model
    return None
