"""A training that is paused, killed or interrupted is resumed with the same result."""

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from core.artifacts.manifests import Manifest
from core.errors import DamagedArtifactError, WorkbenchError
from core.options import as_arguments
from core.progress import Progress, Stop, Work, finish
from core.training.config import TrainConfig
from core.training.runs import (
    RUN_FILE,
    RunStatus,
    folder_of,
    list_runs,
    read_metrics,
    read_run,
    request_pause,
)
from core.training.state import STATE
from core.training.train import resume, train
from core.workspace import PROJECT, Workspace
from tests.factories.datasets import bring_in
from tests.factories.images import class_folders
from tests.factories.trainings import TINY

pytestmark = pytest.mark.usefixtures("small_networks")

SETTINGS = TINY | {"epochs": 3, "backbone_learning_rate": 1e-3, "augment": "light"}

Weights = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    """The weights that an uninterrupted run of `config` ends with."""
    workspace = Workspace(tmp_path_factory.mktemp("whole"))
    bring_in(workspace, class_folders(workspace.home / "in", red=8, green=8))
    return weights_of(
        workspace, finish(train(workspace, TrainConfig(dataset="colors", **SETTINGS)))
    )


@pytest.fixture
def config(workspace: Workspace, tmp_path: Path) -> TrainConfig:
    bring_in(workspace, class_folders(tmp_path / "in", red=8, green=8))
    return TrainConfig(dataset="colors", **SETTINGS)


def weights_of(workspace: Workspace, model: Manifest | str) -> Weights:
    name = model if isinstance(model, str) else model.id
    return load_file(workspace.models / name / "model.safetensors")


def same(one: Weights, other: Weights) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def run_until(work: Work[Manifest], note: str, count: int = 1) -> None:
    """Run the work until its progress has had the note for the `count`th time."""
    for event in work:
        if isinstance(event, Progress) and note in event.note:
            count -= 1
            if count == 0:
                return
    raise AssertionError(f"no progress with “{note}”")


@pytest.mark.slow
@pytest.mark.parametrize(("note", "count"), [("epoch 2 of 3 · ", 2), ("validating", 1)])
def test_a_paused_run_reaches_the_same_weights(
    workspace: Workspace, config: TrainConfig, whole: Weights, note: str, count: int
) -> None:
    work = train(workspace, config, "paused")
    run_until(work, note, count)
    request_pause(workspace, "paused")
    with pytest.raises(Stop):
        work.throw(Stop())
    assert read_run(workspace, "paused").status == RunStatus.PAUSED
    resumed = finish(resume(workspace, "paused"))
    assert same(whole, weights_of(workspace, resumed))
    assert read_run(workspace, "paused").model == resumed.id
    assert [m["epoch"] for m in read_metrics(workspace, "paused")] == [1, 2, 3]


@pytest.mark.slow
def test_a_run_interrupted_anywhere_reaches_the_same_weights(
    workspace: Workspace, config: TrainConfig, whole: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.training.loop.SAVE_EVERY_S", 0)
    work = train(workspace, config, "interrupted")
    run_until(work, "epoch 1 of 3 · ")
    work.close()
    for count in (1, 1, 1):
        work = resume(workspace, "interrupted")
        run_until(work, " of 3 · ", count)
        work.close()
    resumed = finish(resume(workspace, "interrupted"))
    assert same(whole, weights_of(workspace, resumed))


@pytest.mark.slow
def test_a_resumed_run_that_is_stopped_before_it_trains_keeps_its_epochs(
    workspace: Workspace, config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = train(workspace, config, "paused")
    run_until(work, "epoch 2 of 3 · ")
    request_pause(workspace, "paused")
    with pytest.raises(Stop):
        work.throw(Stop())
    with monkeypatch.context() as patched:
        patched.setattr(
            "core.training.train._set_up",
            lambda *_: (event for event in [Progress(0, 1, "decoding")]),
        )
        again = resume(workspace, "paused")
        run_until(again, "decoding")
        with pytest.raises(Stop):
            again.throw(Stop())
    assert read_run(workspace, "paused").status == RunStatus.PAUSED
    assert [m["epoch"] for m in read_metrics(workspace, "paused")] == [1]


@pytest.mark.slow
def test_a_killed_run_is_resumed(workspace: Workspace, config: TrainConfig, whole: Weights) -> None:
    command = [sys.executable, "-m", "tests.support.small_core", "train", "--run-id", "killed"]
    options = ["--home", str(workspace.home), *as_arguments(config, defaults_too=True)]
    process = subprocess.Popen([*command, *options], cwd=PROJECT)
    deadline = time.monotonic() + 120
    while not read_metrics(workspace, "killed") and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    process.wait()
    assert read_run(workspace, "killed").status == RunStatus.STARTED
    resumed = finish(resume(workspace, "killed"))
    assert same(whole, weights_of(workspace, resumed))


@pytest.mark.slow
def test_a_run_without_a_saved_state_starts_over(workspace: Workspace, config: TrainConfig) -> None:
    work = train(workspace, config, "early")
    run_until(work, "epoch 1 of 3 · ")
    work.close()
    assert not (folder_of(workspace, "early") / STATE).exists()
    assert finish(resume(workspace, "early")).summary["epochs_trained"] == 3


def test_a_finished_run_is_not_resumed(workspace: Workspace, config: TrainConfig) -> None:
    finish(train(workspace, replace(config, epochs=1), "done"))
    with pytest.raises(WorkbenchError, match="has ended"):
        finish(resume(workspace, "done"))


@pytest.mark.slow
def test_a_full_disk_pauses_the_run(
    workspace: Workspace,
    config: TrainConfig,
    whole: Weights,
    monkeypatch: pytest.MonkeyPatch,
) -> None:

    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    work = train(workspace, config, "full")
    run_until(work, "epoch 2 of 3 · ")
    monkeypatch.setattr("core.training.state.sync_file", full)
    with pytest.raises(WorkbenchError, match="The disk is full; the run is paused"):
        finish(work)
    monkeypatch.undo()
    assert read_run(workspace, "full").status == RunStatus.PAUSED
    assert same(whole, weights_of(workspace, finish(resume(workspace, "full"))))


@pytest.mark.parametrize("name", [STATE, RUN_FILE])
def test_a_damaged_file_is_refused(workspace: Workspace, config: TrainConfig, name: str) -> None:
    work = train(workspace, config, "damaged")
    run_until(work, "epoch 2 of 3 · ")
    work.close()
    path = folder_of(workspace, "damaged") / name
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DamagedArtifactError, match="is damaged"):
        finish(resume(workspace, "damaged"))


@pytest.mark.parametrize(
    "facts",
    [
        {"epoch": 3, "history": [], "best": -1},
        {"epoch": {"number": "1"}, "history": [], "best": -1},
        {"epoch": {"number": 1}, "history": [3], "best": -1},
        {"epoch": {"number": 1}, "history": [{"epoch": "1"}], "best": 0},
        {"epoch": {"number": 1}, "history": [], "best": "0"},
        {"epoch": {"number": 1}, "history": []},
        3,
    ],
)
def test_a_state_with_other_facts_is_refused(
    workspace: Workspace, config: TrainConfig, facts: Any
) -> None:
    work = train(workspace, config, "damaged")
    run_until(work, "epoch 2 of 3 · ")
    work.close()
    path = folder_of(workspace, "damaged") / STATE
    with safe_open(path, "pt") as file:
        content = json.loads(file.metadata()["json"])
    save_file(load_file(path), path, {"json": json.dumps(content | {"facts": facts})})
    with pytest.raises(DamagedArtifactError, match="The saved state of “damaged” is damaged"):
        finish(resume(workspace, "damaged"))


@pytest.mark.slow
def test_early_stopping_ends_a_run_that_no_longer_improves(
    workspace: Workspace, config: TrainConfig
) -> None:
    rates: dict[str, Any] = {"learning_rate": 1e-7, "backbone_learning_rate": 0.0}
    made = finish(train(workspace, replace(config, epochs=30, patience=2, **rates), "still"))
    assert made.summary["epochs_trained"] < 30
    assert list_runs(workspace)[0].status == RunStatus.DONE
