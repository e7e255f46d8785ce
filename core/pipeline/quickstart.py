"""Quick start: from the images of a dataset to search, evaluation and map, in one pipeline."""

from collections.abc import Sequence

from core.artifacts.manifests import Manifest
from core.datasets.columns import ALL_IMAGES, ImageFilter, Split
from core.datasets.registry import Dataset, open_dataset
from core.datasets.splits import training_filter
from core.datasets.verification import check_images
from core.embeddings.config import DEFAULT_CONFIG
from core.embeddings.embed import embed_dataset
from core.evaluation.config import EvaluateConfig
from core.evaluation.evaluate import evaluate
from core.indexes.config import IndexConfig
from core.lineage.graph import read_lineage
from core.maps.config import MIN_IMAGES, MapConfig
from core.maps.files import build_map
from core.models.backbone_model_config import BackboneModelConfig
from core.models.backbones import DIMENSIONS
from core.models.pooling import Pooling
from core.pipeline.reuse import make_index, make_model
from core.pipeline.stages import Made, Stage, run_stages
from core.progress import Work
from core.training.config import TrainConfig
from core.training.presets import INSTANT, PRESETS
from core.workspace import Workspace

DIMENSION = 128
"""Embedding dimensions of a model without labels, fewer if there are fewer images."""


def quickstart(workspace: Workspace, name: str, first: Sequence[Stage] = ()) -> Work[Made]:
    """Make a dataset searchable: features, head, embeddings, index, evaluation, map, check.

    Every stage publishes an ordinary artifact. One that exists already is reused, so that a
    pipeline that was stopped or killed continues in the stage it was in. With labels of two classes
    or more the head is trained as in the preset Instant; without, it is a whitened PCA.

    Args:
        workspace: The workspace.
        name: Name of the dataset.
        first: Stages to run before, such as the import.

    Returns:
        Kind → artifact: model, embeddings, index, and evaluation and map if there are enough
        images.

    Raises:
        MissingError: There is no such dataset, or the starter weights are not installed.
        WorkbenchError: There are too few images.
        Stop: The pipeline was stopped.
    """
    stages = (
        *first,
        Stage("Training the head", 65, lambda _: _make_model(workspace, name)),
        Stage("Embedding", 15, lambda made: _embed(workspace, name, made)),
        Stage(
            "Building the index",
            1,
            lambda made: make_index(workspace, made, IndexConfig(kind="flat")),
        ),
        Stage("Evaluating", 4, lambda made: _evaluate(workspace, name, made)),
        Stage("Mapping", 10, lambda made: _map(workspace, made)),
        Stage("Verifying images", 10, lambda _: _check(workspace, name)),
    )
    return (yield from run_stages(stages))


def instant_config(name: str) -> TrainConfig:
    """Return the settings of the preset Instant for a dataset."""
    return TrainConfig(dataset=name, **PRESETS[INSTANT].settings)


def _make_model(workspace: Workspace, name: str) -> Work[Manifest]:
    dataset = open_dataset(workspace, name)
    has_classes = len(_train_classes(dataset)) > 1
    config = instant_config(name) if has_classes else _pca_config(dataset)
    return (yield from make_model(workspace, config))


def _train_classes(dataset: Dataset) -> set[str]:
    train = dataset.catalog.rows(ImageFilter(splits=(Split.TRAIN,)))
    return {row.label for row in train if row.label}


def _pca_config(dataset: Dataset) -> BackboneModelConfig:
    count = dataset.catalog.count(training_filter(dataset.catalog))
    dimension = max(DIMENSIONS[0], min(DIMENSION, count - 1))
    return BackboneModelConfig(
        dataset=dataset.name,
        backbone=PRESETS[INSTANT].settings["backbone"],
        pooling=Pooling.OWN.value,
        dimension=dimension,
        whiten=True,
    )


def _embed(workspace: Workspace, name: str, made: Made) -> Work[Manifest]:
    return (yield from embed_dataset(workspace, name, made["model"].id, DEFAULT_CONFIG, ALL_IMAGES))


def _evaluate(workspace: Workspace, name: str, made: Made) -> Work[Manifest | None]:
    catalog = open_dataset(workspace, name).catalog
    queries = catalog.rows(ImageFilter(splits=(Split.TEST,)))
    if len({row.label for row in queries} - {None}) < 2:
        return None
    config = EvaluateConfig(index=made["index"].id)
    lineage = read_lineage(workspace)
    for evaluation in lineage.evaluations_of(name):
        is_of_index = evaluation.made_from.get("index_fingerprint") == made["index"].fingerprint
        if is_of_index and not lineage.stale_reason(evaluation):
            return evaluation
    return (yield from evaluate(workspace, config))


def _map(workspace: Workspace, made: Made) -> Work[Manifest | None]:
    if made["index"].summary["count"] < MIN_IMAGES:
        return None
    if maps := read_lineage(workspace).maps_of(made["index"]):
        return maps[0]
    return (yield from build_map(workspace, MapConfig(index=made["index"].id)))


def _check(workspace: Workspace, name: str) -> Work[None]:
    """Decode the images in full; last, because the other stages leave out what cannot be read."""
    yield from check_images(open_dataset(workspace, name))
