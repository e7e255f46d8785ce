"""Training on two nodes, here two agents of torchrun on loopback: one is killed and started again.

Each node is killed with all of its processes, as if its power had failed.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from safetensors.torch import load_file

from core.jobs.processes import OWN_STORE, descendants, kill
from core.jobs.records import Status
from core.options import as_arguments
from core.training.config import TrainConfig
from core.training.launchers import VARIABLE
from core.training.runs import RunStatus, read_metrics, read_run, request_pause
from core.workspace import PROJECT, Workspace
from state.jobs import JobBoard
from tests.factories.datasets import bring_in
from tests.factories.images import class_folders
from tests.factories.trainings import TINY
from tests.support.processes import wait_for

pytestmark = [pytest.mark.scale, pytest.mark.timeout(900)]

LIMIT_S = 300
"""Processes start in seconds, but not if ten others do."""

EPOCHS = 6
CONFIG = TrainConfig(dataset="colors", **TINY | {"epochs": EPOCHS, "backbone_learning_rate": 1e-3})


class Nodes:
    """Two agents that train one run; the first has the rendezvous."""

    def __init__(self, workspace: Workspace, run_id: str) -> None:
        self.workspace, self.run_id = workspace, run_id
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.endpoint = f"127.0.0.1:{probe.getsockname()[1]}"
        self.agents = [self._start(number) for number in range(2)]

    def restart(self, number: int) -> None:
        self.agents[number] = self._start(number)

    def kill(self, number: int) -> None:
        agent = self.agents[number]
        family = descendants(agent.pid)
        agent.kill()
        kill(family)
        agent.wait()

    def wait(self) -> list[int]:
        return [agent.wait(LIMIT_S) for agent in self.agents]

    def close(self) -> None:
        for number in range(2):
            self.kill(number)

    def num_epochs(self) -> int:
        return len(read_metrics(self.workspace, self.run_id))

    def log(self) -> str:
        return "\n".join(self._log(number).read_text()[-3000:] for number in range(2))

    def _log(self, number: int) -> Path:
        return self.workspace.home / f"{self.run_id}-{number}.txt"

    def _start(self, number: int) -> "subprocess.Popen[bytes]":
        torchrun = [
            *("--nnodes", "2", "--nproc-per-node", "1", "--max-restarts", "3"),
            *("--rdzv-backend", "c10d", "--rdzv-endpoint", self.endpoint),
            *("--rdzv-id", self.run_id, "--rdzv-conf", f"is_host={int(number == 0)}"),
            *("--local-addr", "127.0.0.1"),
        ]
        training = ["train", "--run-id", self.run_id, "--home", str(self.workspace.home)]
        options = as_arguments(CONFIG, defaults_too=True)
        with self._log(number).open("ab") as log:
            return subprocess.Popen(
                [
                    *(sys.executable, "-m", "torch.distributed.run", *torchrun),
                    *("-m", "core", *training, *options),
                ],
                cwd=PROJECT,
                env=os.environ | OWN_STORE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


@pytest.fixture
def nodes(workspace: Workspace, tmp_path: Path) -> Iterator[Any]:
    """Starts two nodes for a run, and ends them with the test."""
    bring_in(workspace, class_folders(tmp_path / "in", red=10, blue=10))
    started: list[Nodes] = []

    def start(run_id: str) -> Nodes:
        started.append(Nodes(workspace, run_id))
        return started[-1]

    yield start
    for each in started:
        each.close()


def weights_of(workspace: Workspace, run_id: str) -> dict[str, torch.Tensor]:
    return load_file(workspace.models / read_run(workspace, run_id).model / "model.safetensors")


def test_a_killed_node_that_is_restarted_leads_to_the_same_weights(
    workspace: Workspace, nodes: Any
) -> None:
    undisturbed = nodes("undisturbed")
    assert undisturbed.wait() == [0, 0], undisturbed.log()

    disturbed = nodes("disturbed")
    wait_for(lambda: disturbed.num_epochs() >= 2, LIMIT_S)
    disturbed.kill(1)
    assert 2 <= disturbed.num_epochs() < EPOCHS
    disturbed.restart(1)
    assert disturbed.wait() == [0, 0], disturbed.log()

    log = disturbed.log()
    assert "Another process of this training has ended or cannot be reached." in log
    assert [m["epoch"] for m in read_metrics(workspace, "disturbed")] == list(range(1, EPOCHS + 1))
    assert "epoch 1 of" not in log.partition("Another process")[2]  # It has not started over
    one, other = weights_of(workspace, "undisturbed"), weights_of(workspace, "disturbed")
    assert all(torch.equal(one[name], other[name]) for name in one)  # Bit for bit


def test_the_node_of_the_rendezvous_is_killed_and_both_are_restarted(
    workspace: Workspace, nodes: Any
) -> None:
    disturbed = nodes("disturbed")
    wait_for(lambda: disturbed.num_epochs() >= 2, LIMIT_S)
    disturbed.kill(0)
    assert disturbed.agents[1].wait(LIMIT_S) != 0  # Nobody to meet
    epochs = disturbed.num_epochs()
    assert 2 <= epochs < EPOCHS
    for number in range(2):
        disturbed.restart(number)
    assert disturbed.wait() == [0, 0], disturbed.log()
    run = read_run(workspace, "disturbed")
    assert (run.status, disturbed.num_epochs()) == (RunStatus.DONE, EPOCHS)


def launched_processes(workspace: Workspace) -> list[int]:
    """Return the processes that train under a launcher of this workspace."""
    home = str(workspace.home)
    running = psutil.process_iter(["pid", "cmdline"])
    commands = ((process.info["pid"], process.info["cmdline"] or []) for process in running)
    return [pid for pid, command in commands if "--launched" in command and home in command]


def test_a_launched_training_is_found_paused_resumed_and_stopped(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torchrun = '"-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"'
    command = f'["{sys.executable}", {torchrun}, "--no-python", "{{command}}"]'
    (tmp_path / "launchers.toml").write_text(f"[torchrun]\ncommand = {command}\n")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "launchers.toml"))
    bring_in(workspace, class_folders(tmp_path / "in", red=10, blue=10))
    long = TrainConfig(dataset="colors", **TINY | {"epochs": 500})
    board = JobBoard(workspace)
    where = ["--run-id", "long", "--launcher", "torchrun"]
    job = board.start(
        ["train", *as_arguments(long, defaults_too=True), *where], "Training", "torchrun"
    )
    wait_for(lambda: len(read_metrics(workspace, "long")) >= 1, LIMIT_S)

    following = JobBoard(workspace)  # As after a restart of the server
    # The job relays events of the launched processes every 0.2 s, so after the metrics
    wait_for(lambda: following.wait(job.id, 0).progress.total > 0, LIMIT_S)
    assert following.wait(job.id, 0).record.status == Status.RUNNING
    assert len(launched_processes(workspace)) >= 2
    request_pause(workspace, "long")
    following.stop(job.id)
    assert following.wait(job.id, LIMIT_S).record.status == Status.STOPPED
    assert read_run(workspace, "long").status == RunStatus.PAUSED
    assert launched_processes(workspace) == []

    epochs = len(read_metrics(workspace, "long"))
    job = following.start(["resume", *where], "Training", "torchrun")
    wait_for(lambda: len(read_metrics(workspace, "long")) > epochs, LIMIT_S)
    following.stop(job.id)
    ended = following.wait(job.id, LIMIT_S)
    assert ended.record.status == Status.STOPPED, following.log_of(job.id)
    assert ended.result is not None
    assert (workspace.models / ended.result["id"]).exists()
    assert launched_processes(workspace) == []
    numbers = [measured["epoch"] for measured in read_metrics(workspace, "long")]
    assert numbers == list(range(1, len(numbers) + 1))
