"""Baselines: evaluated like anything else, so that a model can be held against them.

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
from core.embeddings.files import embed_dataset
from core.embeddings.unit_rows import unit
from core.errors import WorkbenchError
from core.evaluation.baseline_config import BASELINE_NAMES, Baseline, BaselineConfig
from core.evaluation.config import EvaluateConfig
from core.evaluation.evaluate import evaluate_system
from core.evaluation.protocol import make_task
from core.evaluation.system import System, open_system
from core.models.backbone_model_config import BackboneModelConfig
from core.models.backbone_models import build_unfitted, pooled_features
from core.models.backbone_weights import load_backbone
from core.models.batches import decode_batches
from core.models.color_histogram import NUM_COLORS, color_histograms
from core.models.devices import choose_device
from core.models.pooling import Pooling
from core.progress import Progress, Work
from core.training.config import TrainConfig
from core.training.presets import PLAIN, PRESETS
from core.training.train import train
from core.workspace import Workspace

LOOKED_AT = 16
"""Images whose features tell whether the weights are of use."""

COLOR_SIDE = 64
"""Pixels a side that colors are counted in; more change a histogram by next to nothing."""

Extract = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""(B, 3, S, S) uint8 pixels → (B, F) float32."""


def evaluate_baseline(workspace: Workspace, config: BaselineConfig) -> Work[Manifest]:
    """Evaluate a baseline on a dataset, made first if need be.

    The plain recipe's model and embeddings are kept like any others, and used again while the
    dataset is as it was. Of the other two only the evaluation is kept.

    Raises:
        MissingError: There is no such dataset or weights file.
        DownloadError: The weights did not arrive.
        WorkbenchError: Nothing can be evaluated, or the weights do not fit.
    """
    dataset = open_dataset(workspace, config.dataset)
    usable = np.array(sorted(dataset.catalog.ids()), np.int64)
    make_task(dataset, config, usable)  # Refused before anything is computed
    if config.baseline == Baseline.PLAIN:
        return (yield from _evaluate_plain(workspace, config))
    with draft(workspace.evaluations) as folder:
        if config.baseline == Baseline.COLOR:
            system = yield from _subject(
                dataset, config, folder / "rows.npy", COLOR_SIDE, NUM_COLORS, color_histograms
            )
        else:
            system = yield from _raw_trunk(workspace, dataset, config, folder / "rows.npy")
        return (yield from evaluate_system(workspace, system, config, config.ranks))


def _raw_trunk(
    workspace: Workspace, dataset: Dataset, config: BaselineConfig, path: Path
) -> Work[System]:
    backbone_weights = yield from load_backbone(workspace, config.backbone, config.weights)
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
    return (yield from _subject(dataset, config, path, config.image_size, width, extract))


def _subject(
    dataset: Dataset, config: BaselineConfig, path: Path, side: int, width: int, extract: Extract
) -> Work[System]:
    """Describe the images that take part, row by row into a file: 25,088 numbers are many.

    They are kept in half precision, which moves a similarity by less than a thousandth.
    """
    splits = (*config.gallery.splits, config.queries)
    rows = sorted(dataset.catalog.rows(ImageFilter(splits=splits)), key=lambda row: row.id)
    paths = [dataset.path_of(row) for row in rows]
    name = BASELINE_NAMES[config.baseline]
    kept = np.lib.format.open_memmap(path, "w+", np.float16, (len(rows), width))
    ids: list[int] = []
    done = 0
    for batch in decode_batches(paths, side, choose_device().batch_size):
        if len(batch.positions):
            kept[len(ids) : len(ids) + len(batch.positions)] = unit(extract(batch.pixels))
            ids += [rows[at].id for at in batch.positions]
        done += len(batch.positions) + len(batch.problems)
        yield Progress(done, len(rows), f"{name}: describing images")
    vectors = kept[: len(ids)]
    _refuse_useless(vectors, name)
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


def _refuse_useless(vectors: NDArray[np.float16], name: str) -> None:
    if not len(vectors):
        raise WorkbenchError(
            f"None of the images can be read, so there is no {name}.",
            "Check that the dataset's folder is still there, then scan it again.",
        )
    if not np.isfinite(vectors[:LOOKED_AT]).all():
        raise WorkbenchError(
            "These weights give features that are not finite.", "Choose other weights."
        )


def _evaluate_plain(workspace: Workspace, config: BaselineConfig) -> Work[Manifest]:
    """Train by the plain recipe unless that was done, embed, and evaluate exactly."""
    recipe = replace(
        TrainConfig(dataset=config.dataset, **PRESETS[PLAIN].settings),
        backbone=config.backbone,
        weights=config.weights,
        image_size=config.image_size,
    )
    model = _trained_by(workspace, recipe) or (yield from train(workspace, recipe))
    embeddings = yield from embed_dataset(workspace, config.dataset, model.id)
    system = open_system(workspace, EvaluateConfig(embeddings=embeddings.id))
    system.summary["baseline"] = BASELINE_NAMES[Baseline.PLAIN]
    return (yield from evaluate_system(workspace, system, config, config.ranks))


def _trained_by(workspace: Workspace, recipe: TrainConfig) -> Manifest | None:
    """Return the model that this recipe has made of the dataset as it is, if there is one."""
    fingerprint = open_dataset(workspace, recipe.dataset).catalog.fingerprint
    return next(
        (
            model
            for model in list_artifacts(workspace.models)[0]
            if model.config.get("train") == asdict(recipe)
            and model.made_from["dataset_fingerprint"] == fingerprint
        ),
        None,
    )
