"""A run is not resumed on another dataset than it began with; a new one starts from its weights."""

import json
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
import torch

from core.datasets.columns import Split
from core.datasets.importing.scan import rescan
from core.datasets.registry import open_dataset
from core.errors import WorkbenchError
from core.models.backbone_weights import read_backbone
from core.models.model import WEIGHTS
from core.progress import Progress, Stop, finish
from core.training.config import TrainConfig
from core.training.run_data import IMAGES
from core.training.runs import (
    CHECKPOINT,
    RunStatus,
    checkpoint_of,
    folder_of,
    read_run,
    request_pause,
)
from core.training.train import resume, train
from core.workspace import Workspace
from tests.factories.datasets import bring_in
from tests.factories.images import class_folders, speckled
from tests.factories.trainings import TINY

pytestmark = pytest.mark.usefixtures("small_networks")

SETTINGS = TINY | {"epochs": 2}


@pytest.fixture
def paused(workspace: Workspace, tmp_path: Path) -> Path:
    """A run that was paused in its second epoch; returns the folder of the images."""
    images = tmp_path / "in"
    bring_in(workspace, class_folders(images, red=8, green=8))
    work = train(workspace, TrainConfig(dataset="colors", **SETTINGS), "some")
    for event in work:
        if isinstance(event, Progress) and "epoch 2 of 2 · " in event.note:
            break
    request_pause(workspace, "some")
    with pytest.raises(Stop):
        work.throw(Stop())
    return images


def problem_of(workspace: Workspace) -> str:
    with pytest.raises(WorkbenchError) as caught:
        finish(resume(workspace, "some"))
    assert caught.value.advice == "Start a new run from its checkpoint."
    run = read_run(workspace, "some")
    assert (run.status, run.message) == (RunStatus.FAILED, str(caught.value))
    return caught.value.problem


START = "The dataset has changed since this run started: "


def test_added_and_removed_classes_are_named(workspace: Workspace, paused: Path) -> None:
    class_folders(paused, blue=8)
    copytree(paused / "blue", paused / "amber")
    finish(rescan(workspace, "colors"))
    assert problem_of(workspace) == f"{START}classes added (amber, blue)."
    for path in (paused / "red").iterdir():
        path.unlink()
    finish(rescan(workspace, "colors"))
    assert problem_of(workspace) == f"{START}classes added (amber, blue), classes removed (red)."


def test_other_changes_are_counted(workspace: Workspace, paused: Path) -> None:
    for number in (8, 9):
        speckled("red", seed=number).save(paused / "red" / f"{number:03}.png")
    finish(rescan(workspace, "colors"))
    catalog = open_dataset(workspace, "colors").catalog
    new = [row for row in catalog.rows() if row.path in ("red/008.png", "red/009.png")]
    num_new = sum(row.split in (Split.TRAIN, Split.VALIDATION) for row in new)
    assert num_new
    assert problem_of(workspace) == f"{START}{num_new} image{'s' * (num_new > 1)} added."


@pytest.mark.slow
def test_an_undone_change_lets_the_run_be_resumed(workspace: Workspace, paused: Path) -> None:
    class_folders(paused, blue=8)
    finish(rescan(workspace, "colors"))
    problem_of(workspace)
    for path in (paused / "blue").iterdir():
        path.unlink()
    finish(rescan(workspace, "colors"))
    assert finish(resume(workspace, "some")).summary["epochs_trained"] == 2
    assert read_run(workspace, "some").status == RunStatus.DONE


def test_a_run_of_before_is_compared_by_its_classes(workspace: Workspace, paused: Path) -> None:
    (folder_of(workspace, "some") / IMAGES).unlink()
    class_folders(paused, blue=8)
    finish(rescan(workspace, "colors"))
    assert problem_of(workspace) == f"{START}classes added (blue)."


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY nothing"])
def test_a_damaged_record_is_one_sentence(
    workspace: Workspace, paused: Path, content: bytes
) -> None:
    (folder_of(workspace, "some") / IMAGES).write_bytes(content)
    assert problem_of(workspace) == "The record of the images of “some” is damaged."


def test_changed_content_of_an_image_counts(workspace: Workspace, paused: Path) -> None:
    images = np.load(folder_of(workspace, "some") / IMAGES)
    images[0, 3] += 1
    np.save(folder_of(workspace, "some") / IMAGES, images)
    assert problem_of(workspace) == f"{START}1 image changed."


def test_a_new_run_starts_from_the_checkpoint(workspace: Workspace, paused: Path) -> None:
    assert CHECKPOINT == WEIGHTS
    checkpoint = checkpoint_of(workspace, "some")
    assert checkpoint is not None
    class_folders(paused, blue=8)
    finish(rescan(workspace, "colors"))
    config = TrainConfig(dataset="colors", **SETTINGS | {"weights": str(checkpoint), "epochs": 0})
    made = finish(train(workspace, replace(config, trainable_blocks=2), "next"))
    assert made.summary["classes"] == ["blue", "green", "red"]
    backbone = config.backbone
    before = read_backbone(checkpoint, backbone)
    after = read_backbone(workspace.models / made.id / WEIGHTS, backbone)
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_before_its_first_epoch_a_run_has_no_checkpoint(
    workspace: Workspace, tmp_path: Path
) -> None:
    bring_in(workspace, class_folders(tmp_path / "in", red=8, green=8))
    work = train(workspace, TrainConfig(dataset="colors", **SETTINGS), "early")
    for event in work:
        if isinstance(event, Progress) and "epoch 1 of 2 · " in event.note:
            break
    work.close()
    assert (folder_of(workspace, "early") / CHECKPOINT).exists()
    assert checkpoint_of(workspace, "early") is None
    assert json.loads((folder_of(workspace, "early") / "classes.json").read_text())
