"""Two processes with the same global batch train like one process; a board starts them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from core.jobs.records import Status
from core.options import as_arguments
from core.training.config import TrainConfig
from core.training.launchers import VARIABLE
from core.training.runs import RunStatus, read_metrics, read_run
from core.workspace import PROJECT, Workspace
from state.jobs import JobBoard
from tests.factories.datasets import bring_in
from tests.factories.images import class_folders
from tests.factories.trainings import TINY

SCRIPT = "tests.support.distributed_steps"
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m")


@pytest.fixture(scope="module")
def one_and_two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Folders with the weights and losses of one process and of two."""
    folders = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    for folder, launcher in zip(folders, (("-m",), TORCHRUN), strict=True):
        ended = subprocess.run(
            [sys.executable, *launcher, SCRIPT, str(folder)],
            cwd=PROJECT,
            env=os.environ | {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1", "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr[-3000:]
    return folders


@pytest.mark.slow
@pytest.mark.parametrize("case", ["sgd", "sgd-supcon"])
def test_sgd_reaches_the_same_weights(one_and_two: tuple[Path, Path], case: str) -> None:
    one, two = (load_file(folder / f"{case}.safetensors") for folder in one_and_two)
    largest = max(float(value.abs().max()) for value in one.values())
    for name, value in one.items():
        assert float((value - two[name]).abs().max()) < 1e-5 * largest, name


@pytest.mark.slow
def test_adamw_has_the_same_losses(one_and_two: tuple[Path, Path]) -> None:
    one, two = (json.loads((folder / "adamw.json").read_text()) for folder in one_and_two)
    assert len(set(one)) == len(one)  # The weights change
    assert one == pytest.approx(two, abs=1e-4)


@pytest.mark.slow
def test_the_board_trains_in_two_processes(workspace: Workspace, tmp_path: Path) -> None:
    bring_in(workspace, class_folders(tmp_path / "in", red=10, blue=10))
    config = TrainConfig(
        dataset="colors",
        **TINY | {"epochs": 2},
    )
    board = JobBoard(workspace)
    arguments = ["train", "--run-id", "two", "--devices", "2"]
    job = board.start([*arguments, *as_arguments(config, defaults_too=True)], "Two", "compute")
    ended = board.wait(job.id, timeout=240)
    assert ended.record.status == Status.DONE, board.log_of(job.id)
    assert ended.result is not None
    run = read_run(workspace, "two")
    assert (run.status, run.model) == (RunStatus.DONE, ended.result["id"])
    assert [measured["epoch"] for measured in read_metrics(workspace, "two")] == [1, 2]
    assert [m["values"]["epoch"] for m in ended.measurements if m["curve"] == "epoch"] == [1, 2]


@pytest.mark.slow
def test_the_board_trains_under_srun(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """srun is a script here; only the first of its tasks writes."""
    srun = [sys.executable, "-m", "tests.support.fake_srun", "--nodes={nodes}", "{command}"]
    (tmp_path / "launchers.toml").write_text(f"[slurm]\ncommand = {json.dumps(srun)}\n")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "launchers.toml"))
    bring_in(workspace, class_folders(tmp_path / "in", red=10, blue=10))
    config = TrainConfig(dataset="colors", **TINY | {"epochs": 2})
    board = JobBoard(workspace)
    options = ["--run-id", "two", "--launcher", "slurm", "--nodes", "2"]
    arguments = ["train", *as_arguments(config, defaults_too=True), *options]
    job = board.start(arguments, "Two", "slurm")
    ended = board.wait(job.id, timeout=300)
    log = board.log_of(job.id)
    assert ended.record.status == Status.DONE, log
    assert "Starting with 2 processes" in log
    assert ended.result is not None
    run = read_run(workspace, "two")
    assert (run.status, run.model) == (RunStatus.DONE, ended.result["id"])
    assert (run.launcher, run.nodes) == ("slurm", 2)
    assert [measured["epoch"] for measured in read_metrics(workspace, "two")] == [1, 2]
    assert [m["values"]["epoch"] for m in ended.measurements if m["curve"] == "epoch"] == [1, 2]
