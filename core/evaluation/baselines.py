"""Baselines: evaluations of simple systems for comparison with a model.

Shapes, in this file: N images, B images of a batch, S pixels a side, F features.
"""

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.artifacts.folders import draft, list_artifacts
from core.artifacts.manifests import Manifest
from core.datasets.columns import ImageFilter
from core.datasets.registry import Dataset, open_dataset
from core.embeddings.embed import embed_dataset
from core.embeddings.unit_rows import unit
from core.errors import WorkbenchError
from core.evaluation.config import BASELINE_NAMES, Baseline, BaselineConfig, EvaluateConfig
from core.evaluation.evaluate import evaluate_system
from core.evaluation.protocol import make_task
from core.evaluation.system import System, open_system
from core.models.backbone_model_config import BackboneModelConfig
from core.models.backbone_models import build_unfitted, pooled_features
from core.models.backbone_weights import load_backbone
from core.models.batches import decode_batches
from core.models.color_histogram import NUM_COLORS, color_histograms
from core.models.devices import choose_device
from core.models.passes import as_start, forward_passes
from core.models.pooling import Pooling
from core.models.preprocessing import Preprocessing
from core.progress import Progress, Work
from core.training.config import TrainConfig
from core.training.presets import PLAIN, PRESETS
from core.training.train import train
from core.workspace import Workspace

NUM_CHECKED = 16
"""Images whose features are checked for invalid numbers."""

COLORS = Preprocessing(image_size=64)
"""Image size in pixels for color histograms; a larger size hardly changes them."""

Extract = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""(B, 3, S, S) uint8 pixels → (B, F) float32."""


def evaluate_baseline(workspace: Workspace, config: BaselineConfig) -> Work[Manifest]:
    """Evaluate a baseline on a dataset.

    The model and embeddings of the plain preset are published, and used again until the dataset
    changes. The features of the other baselines are temporary.

    Raises:
        MissingError: The dataset or the weights file does not exist.
        DownloadError: The weights could not be downloaded.
        WorkbenchError: Nothing can be evaluated, or the weights do not fit.
    """
    dataset = open_dataset(workspace, config.dataset)
    usable = np.array(sorted(dataset.catalog.ids()), np.int64)
    make_task(dataset, config, usable)  # Raises before anything is computed
    if config.baseline == Baseline.PLAIN:
        return (yield from _evaluate_plain(workspace, config))
    with draft(workspace.evaluations) as folder:
        if config.baseline == Baseline.COLOR:
            system = yield from _extract_features(
                dataset, config, folder / "rows.npy", COLORS, NUM_COLORS, color_histograms
            )
        else:
            system = yield from _extract_backbone_features(
                workspace, dataset, config, folder / "rows.npy"
            )
        return (yield from evaluate_system(workspace, system, config, config.ranks))


def _extract_backbone_features(
    workspace: Workspace, dataset: Dataset, config: BaselineConfig, path: Path
) -> Work[System]:
    backbone_weights = yield from load_backbone(
        workspace, config.backbone, config.weights, config.image_size
    )
    settings = BackboneModelConfig(
        dataset=config.dataset,
        backbone=config.backbone,
        weights=config.weights,
        image_size=config.image_size,
        pooling=Pooling.OWN,
    )
    device = choose_device()
    network = build_unfitted(settings, backbone_weights).to(device.name)

    def extract(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        return pooled_features(network, device, pixels)

    width = network.project.in_features
    preprocessing = network.config.preprocessing
    return (yield from _extract_features(dataset, config, path, preprocessing, width, extract))


def _extract_features(
    dataset: Dataset,
    config: BaselineConfig,
    path: Path,
    preprocessing: Preprocessing,
    width: int,
    extract: Extract,
) -> Work[System]:
    """Extract features of the queries and the gallery into a file, since they may exceed memory.

    Half precision changes a similarity by less than 0.001.
    """
    splits = (*config.gallery.splits, config.queries)
    rows = sorted(dataset.catalog.rows(ImageFilter(splits=splits)), key=lambda row: row.id)
    paths = [dataset.path_of(row) for row in rows]
    name = BASELINE_NAMES[config.baseline]
    features = np.lib.format.open_memmap(path, "w+", np.float16, (len(rows), width))
    ids: list[int] = []
    done = 0
    device = choose_device()
    batches = decode_batches(paths, preprocessing, device.batch_size)
    run = as_start(lambda batch: unit(extract(batch.pixels)))
    for batch, vectors_of_batch in forward_passes(batches, run, device):
        if vectors_of_batch is not None:
            features[len(ids) : len(ids) + len(batch.positions)] = vectors_of_batch
            ids += [rows[at].id for at in batch.positions]
        done += len(batch.positions) + len(batch.problems)
        yield Progress(done, len(rows), f"{name}: extracting features")
    vectors = features[: len(ids)]
    _check_features(vectors, name)
    backbone_options = {"backbone": config.backbone, "weights": Path(config.weights).name}
    return System(
        dataset=dataset.name,
        stem=f"{dataset.name[:40]}-{config.baseline}-baseline",
        made_from={"dataset": dataset.name},
        vectors=vectors,
        image_ids=np.array(ids, np.int64),
        summary={
            "baseline": name,
            "dimension": width,
            "num_problems": len(rows) - len(ids),
            **(backbone_options if config.baseline == Baseline.BACKBONE else {}),
        },
    )


def _check_features(vectors: NDArray[np.float16], name: str) -> None:
    if not len(vectors):
        raise WorkbenchError(
            f"None of the images can be read, so the {name} cannot be evaluated.",
            "Check that the dataset's folder still exists, then rescan it.",
        )
    if not np.isfinite(vectors[:NUM_CHECKED]).all():
        raise WorkbenchError(
            "These weights give features that are not finite numbers.", "Choose other weights."
        )


def _evaluate_plain(workspace: Workspace, config: BaselineConfig) -> Work[Manifest]:
    """Train a model with the plain preset unless there is one, embed, and evaluate it."""
    settings = replace(
        TrainConfig(dataset=config.dataset, **PRESETS[PLAIN].settings),
        backbone=config.backbone,
        weights=config.weights,
        image_size=config.image_size,
    )
    model = _trained_with(workspace, settings) or (yield from train(workspace, settings))
    embeddings = yield from embed_dataset(workspace, config.dataset, model.id)
    system = open_system(workspace, EvaluateConfig(embeddings=embeddings.id))
    system.summary["baseline"] = BASELINE_NAMES[Baseline.PLAIN]
    return (yield from evaluate_system(workspace, system, config, config.ranks))


def _trained_with(workspace: Workspace, settings: TrainConfig) -> Manifest | None:
    """Return the model trained with these settings on the current dataset, if there is one."""
    fingerprint = open_dataset(workspace, settings.dataset).catalog.fingerprint
    return next(
        (
            model
            for model in list_artifacts(workspace.models)[0]
            if model.config.get("train") == asdict(settings)
            and model.made_from["dataset_fingerprint"] == fingerprint
        ),
        None,
    )
