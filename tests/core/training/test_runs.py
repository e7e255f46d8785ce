"""Runs on disk: those of earlier releases are upgraded, those of later ones refused."""

import json
from dataclasses import replace
from typing import Any

import pytest

from core.errors import DamagedArtifactError, WorkbenchError
from core.training.config import TrainConfig
from core.training.run_process import claim_run, is_running, leave_run, release_run
from core.training.runs import (
    RUN_FILE,
    RunStatus,
    append_metrics,
    change_run,
    clear_pause,
    folder_of,
    is_pause_requested,
    list_runs,
    read_run,
    request_pause,
    reserve_run,
    run_exists,
    start_run,
)
from core.workspace import DISK_VERSION, Workspace

CONFIG = TrainConfig(dataset="colors", backbone="resnet18")


def rewrite(workspace: Workspace, run_id: str, **fields: Any) -> None:
    """Change fields of a run.json, or remove them with None."""
    path = folder_of(workspace, run_id) / RUN_FILE
    content = json.loads(path.read_text()) | fields
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))


def test_a_run_of_release_0_1_is_upgraded_and_saved_with_its_next_change(
    workspace: Workspace,
) -> None:
    run = start_run(workspace, CONFIG)
    old = dict(run.config)
    old["trunk_learning_rate"] = old.pop("backbone_learning_rate")
    old["images_per_class"] = old.pop("samples_per_class")
    rewrite(workspace, run.id, config=old, disk_version=None)
    assert read_run(workspace, run.id) == run

    change_run(workspace, run.id, title="Old")
    content = json.loads((folder_of(workspace, run.id) / RUN_FILE).read_text())
    assert content["disk_version"] == DISK_VERSION
    assert content["config"] == run.config


def test_a_run_of_a_later_release_is_refused_and_not_listed(workspace: Workspace) -> None:
    run = start_run(workspace, CONFIG)
    rewrite(workspace, run.id, disk_version=99, status="frozen", config={"depth": 3})
    with pytest.raises(WorkbenchError, match="was made by a newer version") as caught:
        read_run(workspace, run.id)
    assert not isinstance(caught.value, DamagedArtifactError)
    assert list_runs(workspace) == []


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"status": "started"}'])
def test_a_damaged_run_is_refused(workspace: Workspace, content: str) -> None:
    run = start_run(workspace, CONFIG)
    (folder_of(workspace, run.id) / RUN_FILE).write_text(content)
    with pytest.raises(DamagedArtifactError, match=f"{run.id}/run.json is damaged"):
        read_run(workspace, run.id)


def test_a_run_is_started_in_its_reserved_folder_once(workspace: Workspace) -> None:
    run_id = reserve_run(workspace, CONFIG)
    assert run_id == "colors-resnet18"
    assert reserve_run(workspace, CONFIG) == "colors-resnet18-2"
    run = start_run(workspace, CONFIG, run_id)
    assert (run.id, run.status) == (run_id, RunStatus.STARTED)
    assert list_runs(workspace) == [run]
    with pytest.raises(WorkbenchError, match="There is a run “colors-resnet18” already"):
        start_run(workspace, CONFIG, run_id)


def test_a_run_is_started_again_with_the_same_settings_only(workspace: Workspace) -> None:
    run = start_run(workspace, CONFIG, "one")
    assert start_run(workspace, CONFIG, "one", again=True) == run
    with pytest.raises(WorkbenchError, match="There is a run “one” already"):
        start_run(workspace, replace(CONFIG, epochs=99), "one", again=True)
    change_run(workspace, "one", status=RunStatus.DONE)
    with pytest.raises(WorkbenchError, match="There is a run “one” already"):
        start_run(workspace, CONFIG, "one", again=True)


def test_a_run_that_is_left_is_paused_if_it_has_epochs(workspace: Workspace) -> None:
    start_run(workspace, CONFIG, "one")
    append_metrics(folder_of(workspace, "one"), {"epoch": 1})
    leave_run(workspace, "one")
    assert read_run(workspace, "one").status == RunStatus.PAUSED
    start_run(workspace, CONFIG, "two")
    leave_run(workspace, "two")
    assert not run_exists(workspace, "two")


def test_a_claim_names_the_launcher_of_the_last_start(workspace: Workspace) -> None:
    claim_run(workspace, start_run(workspace, CONFIG, "one"), "slurm", 4)
    run = read_run(workspace, "one")
    assert (run.launcher, run.nodes, is_running(run)) == ("slurm", 4, True)
    with pytest.raises(WorkbenchError, match="The run “one” is already training"):
        claim_run(workspace, run)
    release_run(workspace, "one")
    claim_run(workspace, read_run(workspace, "one"))
    assert read_run(workspace, "one").launcher == ""


def test_a_request_for_a_pause_is_cleared_once(workspace: Workspace) -> None:
    run = start_run(workspace, CONFIG)
    folder = folder_of(workspace, run.id)
    assert not clear_pause(folder)
    request_pause(workspace, run.id)
    assert is_pause_requested(folder)
    assert clear_pause(folder)
    assert not is_pause_requested(folder)
