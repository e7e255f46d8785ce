"""The runs of a workspace: a folder each with what was chosen, what was measured, and how it ended.

A run outlives its job, which may be killed, and its model, which may be deleted.
"""

import json
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import psutil

from core.artifacts.folders import fresh_id
from core.artifacts.upgrades import upgrade_settings
from core.errors import DamagedArtifactError, MissingError, WorkbenchError
from core.files import write_json
from core.jobs.records import is_process
from core.training.config import TrainConfig
from core.workspace import DISK_VERSION, Workspace, check_name

RUN_FILE = "run.json"
METRICS = "metrics.jsonl"
PAUSE_REQUEST = "pause"
MAP, RECALL = "validation_map_at_10", "validation_recall_at_1"
"""Names of the figures by which runs are compared; the first chooses the best epoch."""

MAX_TITLE_LENGTH, MAX_NOTES_LENGTH = 80, 4000


class RunStatus(StrEnum):
    """How a run stands, as it wrote itself; whether its process still lives is the job's to say."""

    STARTED = "started"
    PAUSED = "paused"
    DONE = "done"
    STOPPED = "stopped"
    """Somebody stopped it; its best epoch became the model."""

    FAILED = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One training, from its start on."""

    id: str
    """Its folder's name."""

    config: dict[str, Any]
    """The fields of `TrainConfig`."""

    created: float
    """Seconds since 1970."""

    title: str = ""
    """What somebody called it."""

    notes: str = ""
    status: RunStatus = RunStatus.STARTED
    message: str = ""
    """Why it failed, as a sentence."""

    model: str = ""
    """Id of the model that came of it; empty until then."""

    process_id: int = 0
    process_started: float = 0.0
    """Seconds since 1970; with the id it names the process that carries the run out."""

    disk_version: int = DISK_VERSION
    """Version of the format; an older one is upgraded when it is read."""


def folder_of(workspace: Workspace, run_id: str) -> Path:
    """Return a run's folder."""
    return workspace.runs / check_name(run_id)


def reserve_run(workspace: Workspace, config: TrainConfig) -> str:
    """Make an empty folder for a run that is still to wait its turn; return the run's id."""
    while True:
        run_id = fresh_id(workspace.runs, f"{config.dataset[:40]}-{config.backbone}")
        try:
            folder_of(workspace, run_id).mkdir(parents=True)
        except FileExistsError:  # Somebody else took it between the look and the making
            continue
        return run_id


def start_run(workspace: Workspace, config: TrainConfig, run_id: str | None = None) -> Run:
    """Begin a new run, in a folder of its own or in the one that was reserved.

    Raises:
        WorkbenchError: There is a run of that name.
    """
    chosen = run_id or reserve_run(workspace, config)
    folder = folder_of(workspace, chosen)
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / RUN_FILE).exists():
        raise WorkbenchError(
            f"There is a run “{chosen}” already.", "Choose another name, or resume that one."
        )
    run = Run(id=chosen, config=asdict(config), created=time.time())
    write_run(workspace, run)
    return run


def write_run(workspace: Workspace, run: Run) -> None:
    """Save a run's record, atomically."""
    write_json(folder_of(workspace, run.id) / RUN_FILE, asdict(run))


def change_run(workspace: Workspace, run_id: str, **fields: Any) -> Run:
    """Write other values of some fields into a run's record; return it."""
    run = replace(read_run(workspace, run_id), **fields)
    write_run(workspace, run)
    return run


def read_run(workspace: Workspace, run_id: str) -> Run:
    """Read a run's record.

    Raises:
        MissingError: There is no such run.
        DamagedArtifactError: Its record was edited or cut off.
        WorkbenchError: A newer version of the workbench started it.
    """
    path = folder_of(workspace, run_id) / RUN_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        content["status"] = RunStatus(content["status"])
        if content.setdefault("disk_version", 1) < DISK_VERSION:
            content["config"] = upgrade_settings(content["config"])
            content["disk_version"] = DISK_VERSION
        if content["disk_version"] > DISK_VERSION:
            raise WorkbenchError(
                f"The run “{run_id}” was started by a newer version of the workbench.",
                "Update the workbench to use it.",
            )
        TrainConfig(**content["config"])
        return Run(**content)
    except FileNotFoundError as error:
        raise MissingError(f"There is no run “{run_id}”.", "Choose one that is listed.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedArtifactError(
            f"{run_id}/{RUN_FILE} is damaged or was changed by hand.",
            "Delete that run, and train again with the settings you want.",
        ) from error


def list_runs(workspace: Workspace) -> list[Run]:
    """Return the runs, newest first; damaged ones are passed over."""
    runs = []
    for path in workspace.runs.glob(f"*/{RUN_FILE}"):
        try:
            runs.append(read_run(workspace, path.parent.name))
        except (DamagedArtifactError, MissingError, WorkbenchError):
            continue
    return sorted(runs, key=lambda run: run.created, reverse=True)


def delete_run(workspace: Workspace, run_id: str) -> None:
    """Remove a run's folder; its model stays."""
    shutil.rmtree(folder_of(workspace, run_id), ignore_errors=True)


def is_running(run: Run) -> bool:
    """Say whether a process is at it now."""
    return run.status == RunStatus.STARTED and is_process(run.process_id, run.process_started)


def claim_run(workspace: Workspace, run: Run) -> None:
    """Write down that this process carries the run out.

    Raises:
        WorkbenchError: Another one does.
    """
    if is_running(run):
        raise WorkbenchError(f"The run “{run.id}” is being trained already.", "Wait for its end.")
    change_run(
        workspace,
        run.id,
        status=RunStatus.STARTED,
        message="",
        process_id=os.getpid(),
        process_started=psutil.Process().create_time(),
    )


def release_run(workspace: Workspace, run_id: str) -> None:
    """Write down that no process carries the run out, unless it was deleted."""
    if (folder_of(workspace, run_id) / RUN_FILE).exists():
        change_run(workspace, run_id, process_id=0)


def can_resume(run: Run) -> bool:
    """Say whether a run can be gone on with; without a saved state it begins anew."""
    return run.status not in (RunStatus.DONE, RunStatus.STOPPED)


def append_metrics(folder: Path, measured: Mapping[str, float]) -> None:
    """Add what was measured after an epoch; of an epoch measured twice the later one counts."""
    with (folder / METRICS).open("a", encoding="utf-8") as file:
        file.write(json.dumps(dict(measured)) + "\n")


def read_metrics(workspace: Workspace, run_id: str) -> list[dict[str, float]]:
    """Return what was measured after each epoch, in their order."""
    epochs: dict[int, dict[str, float]] = {}
    try:
        lines = (folder_of(workspace, run_id) / METRICS).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    for line in lines:
        try:
            measured = json.loads(line)
            epochs[int(measured["epoch"])] = measured
        except (ValueError, KeyError, TypeError):  # Cut off by a kill
            continue
    return [epochs[number] for number in sorted(epochs)]


def request_pause(workspace: Workspace, run_id: str) -> None:
    """Ask a run to save its state when it is stopped, and to make no model yet."""
    (folder_of(workspace, run_id) / PAUSE_REQUEST).touch()


def is_pause_requested(folder: Path) -> bool:
    """Say whether a pause was asked for."""
    return (folder / PAUSE_REQUEST).exists()


def clear_pause(folder: Path) -> bool:
    """Say whether a pause was asked for, and forget it."""
    try:
        (folder / PAUSE_REQUEST).unlink()
    except FileNotFoundError:
        return False
    return True
