import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from core.artifacts.manifests import Manifest
from core.datasets.importing.scan import Source, add_folder
from core.datasets.splits import SplitConfig
from core.errors import DamagedArtifactError, WorkbenchError
from core.models.model import load_model
from core.progress import Measurement, Progress, Stop, finish
from core.training.config import TrainConfig
from core.training.runs import list_runs, read_metrics
from core.training.train import train
from core.workspace import Workspace
from tests.factories.images import class_folders
from tests.factories.networks import backbone_file
from tests.factories.trainings import TINY

pytestmark = pytest.mark.usefixtures("small_networks")

SETTINGS = TINY | {"epochs": 2, "backbone_learning_rate": 1e-3}


@pytest.fixture
def colors(workspace: Workspace, tmp_path: Path) -> str:
    root = class_folders(tmp_path / "in", red=10, green=10, blue=10)
    finish(add_folder(workspace, "colors", Source(root=root), SplitConfig(validation=0.2)))
    return "colors"


def weights_of(workspace: Workspace, model: Manifest) -> dict[str, torch.Tensor]:
    return load_file(workspace.models / model.id / "model.safetensors")


@pytest.mark.slow
def test_two_epochs_report_metrics_and_publish_a_model(workspace: Workspace, colors: str) -> None:
    work = train(workspace, TrainConfig(dataset=colors, **SETTINGS))
    events = []
    while True:
        try:
            events.append(next(work))
        except StopIteration as end:
            manifest = end.value
            break

    epochs = [e.values for e in events if isinstance(e, Measurement) and e.curve == "epoch"]
    assert [values["epoch"] for values in epochs] == [1, 2]
    assert {
        "train_loss", "train_accuracy", "validation_loss", "validation_accuracy",
        "validation_map_at_10", "validation_recall_at_1", "images_per_second",
    } <= set(epochs[0])  # fmt: skip
    assert any(isinstance(e, Measurement) and e.curve == "step" for e in events)
    assert any(isinstance(e, Progress) and "epoch 2 of 2" in e.note for e in events)
    assert manifest.summary["classes"] == ["blue", "green", "red"]
    assert manifest.made_from["dataset"] == "colors"
    lines = (workspace.models / manifest.id / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == epochs


@pytest.mark.slow
def test_tensorboard_reads_the_metrics(workspace: Workspace, colors: str) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    finish(train(workspace, TrainConfig(dataset=colors, **SETTINGS), "seen"))
    events = EventAccumulator(str(workspace.runs / "seen" / "tensorboard"))
    events.Reload()
    measured = read_metrics(workspace, "seen")
    for tag, name in (
        ("train/loss", "train_loss"),
        ("validation/map_at_10", "validation_map_at_10"),
        ("images_per_second", "images_per_second"),
    ):
        found = [(event.step, event.value) for event in events.Scalars(tag)]
        assert found == [(m["epoch"], pytest.approx(m[name], rel=1e-6)) for m in measured]


@pytest.mark.slow
def test_a_seed_repeats_a_run_bit_for_bit(workspace: Workspace, colors: str) -> None:
    one = SETTINGS | {"epochs": 1}
    config = TrainConfig(dataset=colors, augment="light", **one)
    first, second = (weights_of(workspace, finish(train(workspace, config))) for _ in range(2))
    other = weights_of(
        workspace, finish(train(workspace, TrainConfig(dataset=colors, seed=1, **one)))
    )
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not all(torch.equal(first[key], other[key]) for key in first)


def test_a_stop_after_an_epoch_keeps_the_best_model(workspace: Workspace, colors: str) -> None:
    work = train(workspace, TrainConfig(dataset=colors, **(SETTINGS | {"epochs": 50})))
    for event in work:
        if isinstance(event, Measurement) and event.curve == "epoch":
            break
    next(work)
    with pytest.raises(StopIteration) as end:
        work.throw(Stop())
    model = load_model(workspace, end.value.value.id)
    assert model.manifest.summary["epochs_trained"] == 1


def test_a_stop_in_the_first_epoch_leaves_nothing(workspace: Workspace, colors: str) -> None:
    work = train(workspace, TrainConfig(dataset=colors, **SETTINGS))
    for event in work:
        if isinstance(event, Progress) and "epoch 1" in event.note:
            break
    with pytest.raises(Stop):
        work.throw(Stop())
    assert not workspace.models.exists()
    assert list_runs(workspace) == []


def test_no_epoch_gives_the_untrained_network(workspace: Workspace, colors: str) -> None:
    config = TrainConfig(dataset=colors, **(SETTINGS | {"epochs": 0}))
    manifest = finish(train(workspace, config))
    assert manifest.id == "colors-mobilenet_v3_large-untrained"
    assert manifest.summary["epochs_trained"] == 0
    assert load_model(workspace, manifest.id).classes == ("blue", "green", "red")


def test_the_last_block_changes_and_the_frozen_ones_do_not(
    workspace: Workspace, colors: str, tmp_path: Path
) -> None:
    weights = backbone_file(tmp_path / "backbone.pth", "resnet18")
    start = torch.load(weights, weights_only=True)
    partly = SETTINGS | {"weights": str(weights), "backbone": "resnet18", "trainable_blocks": 1}
    config = TrainConfig(dataset=colors, **partly | {"epochs": 1})
    trained = weights_of(workspace, finish(train(workspace, config)))
    assert {key.partition(".")[0] for key in trained} >= {"frozen", "tail"}
    for key, value in trained.items():
        part, _, rest = key.partition(".")
        if part == "frozen":
            assert torch.equal(value, start[rest]), key
        if part == "tail":
            assert not torch.equal(value, start[rest]), key


def test_a_second_run_does_not_decode_again(workspace: Workspace, colors: str) -> None:
    config = TrainConfig(dataset=colors, **(SETTINGS | {"epochs": 0}))
    notes = [
        {event.note for event in train(workspace, config) if isinstance(event, Progress)}
        for _ in range(2)
    ]
    assert "decoding images" in notes[0]
    assert "decoding images" not in notes[1]


def test_a_missing_image_is_left_out_and_counted(
    workspace: Workspace, colors: str, tmp_path: Path
) -> None:
    for path in (tmp_path / "in" / "red").iterdir():
        if path.name in ("000.png", "001.png", "002.png", "003.png", "004.png"):
            path.unlink()
    manifest = finish(train(workspace, TrainConfig(dataset=colors, **(SETTINGS | {"epochs": 1}))))
    assert manifest.summary["num_problems"] > 0
    assert manifest.summary["num_train"] + manifest.summary["num_validation"] < 24


def test_a_single_class_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    root = class_folders(tmp_path / "in", red=5)
    finish(add_folder(workspace, "one", Source(root=root), SplitConfig()))
    with pytest.raises(WorkbenchError, match="only one class, “red”. Training needs at least two"):
        finish(train(workspace, TrainConfig(dataset="one", **SETTINGS)))


@pytest.mark.parametrize("balanced", [{}, {"metric_loss": "triplet", "samples_per_class": 2}])
def test_a_class_of_one_image_and_a_large_batch_can_be_trained(
    workspace: Workspace, tmp_path: Path, balanced: dict[str, Any]
) -> None:
    root = class_folders(tmp_path / "in", red=6, blue=1)
    finish(add_folder(workspace, "few", Source(root=root), SplitConfig(validation=0, test=0)))
    settings = SETTINGS | {"epochs": 1, "batch_size": 64} | balanced
    manifest = finish(train(workspace, TrainConfig(dataset="few", **settings)))
    assert manifest.summary["classes"] == ["blue", "red"]
    assert manifest.summary["num_train"] == 7
    assert manifest.summary["num_validation"] == 0


def test_images_without_labels_are_refused(workspace: Workspace, tmp_path: Path) -> None:
    root = class_folders(tmp_path / "in", red=5) / "red"
    finish(add_folder(workspace, "flat", Source(root=root), SplitConfig()))
    with pytest.raises(WorkbenchError, match="has no labels"):
        finish(train(workspace, TrainConfig(dataset="flat", **SETTINGS)))


def test_unusable_weights_are_refused(workspace: Workspace, colors: str) -> None:
    from core.artifacts.folders import draft, publish

    made = finish(train(workspace, TrainConfig(dataset=colors, **(SETTINGS | {"epochs": 0}))))
    broken = weights_of(workspace, made)
    broken["project.weight"] *= float("nan")
    with draft(workspace.models) as folder:
        save_file(broken, folder / "model.safetensors")
        copy = publish(
            folder, kind="model", stem="broken", config=made.config,
            made_from=made.made_from, summary=made.summary,
        )  # fmt: skip
    with pytest.raises(DamagedArtifactError, match="no usable embeddings"):
        load_model(workspace, copy.id)


def test_an_edited_model_is_refused(workspace: Workspace, colors: str) -> None:
    made = finish(train(workspace, TrainConfig(dataset=colors, **(SETTINGS | {"epochs": 0}))))
    path = workspace.models / made.id / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedArtifactError, match=f"{made.id}/model.safetensors is damaged"):
        load_model(workspace, made.id)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"epochs": -1}, "epochs must be in"),
        ({"batch_size": 1}, "batch_size must be in"),
        ({"weights": "none"}, "every block must train"),
        ({"samples_per_class": 3}, "batch_size must be a multiple of samples_per_class"),
    ],
)
def test_invalid_settings_are_refused(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        TrainConfig(dataset="x", **settings)
