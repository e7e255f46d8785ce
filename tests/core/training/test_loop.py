"""The training loop without enough memory, with NaN losses, and with few images."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from core.errors import WorkbenchError
from core.models.model import load_model
from core.progress import Progress, finish
from core.training.config import Schedule, TrainConfig
from core.training.runs import RunStatus, list_runs, read_metrics
from core.training.setup import TrainingModule
from core.training.train import train
from core.workspace import Workspace
from tests.factories.datasets import bring_in
from tests.factories.images import class_folders

pytestmark = pytest.mark.usefixtures("small_networks")

TINY: dict[str, Any] = {
    "dataset": "colors",
    "weights": "none",
    "backbone": "mobilenet_v3_large",
    "trainable_blocks": 5,
    "image_size": 32,
    "batch_size": 8,
    "epochs": 2,
}
Forward = Any


@pytest.fixture
def colors(workspace: Workspace, tmp_path: Path) -> Workspace:
    bring_in(workspace, class_folders(tmp_path / "in", red=10, green=10, blue=10))
    return workspace


def replace_forward(monkeypatch: pytest.MonkeyPatch, change: Forward) -> None:
    forward = TrainingModule.forward

    def changed(self: TrainingModule, values: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        loss, scores = forward(self, values, labels)
        return change(loss, values), scores

    monkeypatch.setattr(TrainingModule, "forward", changed)


@pytest.mark.slow
def test_lack_of_memory_splits_batches_and_is_reported(
    colors: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_much(loss: Tensor, values: Tensor) -> Tensor:
        if len(values) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return loss

    replace_forward(monkeypatch, too_much)
    notes = [
        event.note for event in train(colors, TrainConfig(**TINY)) if isinstance(event, Progress)
    ]
    assert any("low memory: batches in 2 parts" in note for note in notes)
    [run] = list_runs(colors)
    assert run.status == RunStatus.DONE
    assert [measured["batch_parts"] for measured in read_metrics(colors, run.id)] == [2, 2]


def test_a_nan_loss_in_the_first_epoch_is_an_error(
    colors: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_forward(monkeypatch, lambda loss, _: loss * np.inf)
    with pytest.raises(WorkbenchError, match="is not finite in epoch 1"):
        finish(train(colors, TrainConfig(**TINY)))
    assert not colors.models.exists()
    [run] = list_runs(colors)
    assert (run.status, "not finite" in run.message) == (RunStatus.FAILED, True)


def test_a_nan_loss_keeps_the_best_epoch_before_it(
    colors: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = iter(range(1000))
    replace_forward(monkeypatch, lambda loss, _: loss * (np.nan if next(calls) == 4 else 1))
    manifest = finish(train(colors, TrainConfig(**TINY)))
    assert manifest.summary["epochs_trained"] == 1
    assert load_model(colors, manifest.id).classes == ("blue", "green", "red")
    [run] = list_runs(colors)
    assert run.status == RunStatus.STOPPED
    assert "is not finite in epoch 2" in run.message
    assert "smaller learning rate" in run.message


@pytest.mark.parametrize(
    "settings",
    [
        {"metric_loss": "triplet", "samples_per_class": 4},
        {"metric_loss": "arcface"},
        {"metric_loss": "proxy_anchor", "metric_loss_weight": 1.0},
        {"schedule": Schedule.COSINE, "max_gradient_norm": 1.0, "augment": "strong"},
        {"batch_size": 512},
        {"batch_norm": False},
    ],
)
def test_every_loss_and_schedule_trains(colors: Workspace, settings: dict[str, Any]) -> None:
    manifest = finish(train(colors, TrainConfig(**TINY | {"epochs": 1} | settings)))
    assert np.isfinite(manifest.summary["train_loss"])
    assert load_model(colors, manifest.id).config.dimension == 128


def test_without_validation_images_the_last_epoch_is_kept(
    workspace: Workspace, tmp_path: Path
) -> None:
    root = class_folders(tmp_path / "in", red=2, blue=2)
    bring_in(workspace, root)
    manifest = finish(train(workspace, TrainConfig(**TINY)))
    assert (manifest.summary["num_validation"], manifest.summary["best_epoch"]) == (0, 2)
