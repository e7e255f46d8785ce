"""Training runs: a folder each with the settings, the metrics and the status.

A run outlives its job, which may be killed, and its model, which may be deleted.
"""

import json
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from core.artifacts.folders import fresh_id
from core.artifacts.upgrades import upgrade_settings
from core.errors import DamagedArtifactError, MissingError, WorkbenchError, newer_version
from core.files import parse_json, read_json, write_json
from core.options import fits, from_json
from core.training.config import TrainConfig
from core.workspace import DISK_VERSION, Workspace, check_name

RUN_FILE = "run.json"
METRICS = "metrics.jsonl"
CHECKPOINT = "model.safetensors"
"""Weights of the best epoch so far, which `core.models.model.write_weights` writes."""

START_ANEW = "Start a new run from its checkpoint."
PAUSE_REQUEST = "pause"
MAP, RECALL = "validation_map_at_10", "validation_recall_at_1"
"""Metrics by which runs are compared; the first determines the best epoch."""

MAX_TITLE_LENGTH, MAX_NOTES_LENGTH = 80, 4000


class RunStatus(StrEnum):
    """Status of a run as its process wrote it; see `is_running` for whether that still runs."""

    STARTED = "started"
    PAUSED = "paused"
    DONE = "done"
    STOPPED = "stopped"
    """Stopped early by the user; its best epoch became the model."""

    FAILED = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A training run."""

    id: str
    """Name of its folder."""

    config: dict[str, Any]
    """The fields of `TrainConfig`."""

    created: float
    """Seconds since 1970."""

    title: str = ""
    """Title given by the user."""

    notes: str = ""
    status: RunStatus = RunStatus.STARTED
    message: str = ""
    """Why it failed or stopped, as a sentence."""

    model: str = ""
    """Id of its model; empty until there is one."""

    process_id: int = 0
    process_started: float = 0.0
    """Seconds since 1970; with the id it identifies the process of the run."""

    launcher: str = ""
    """Name of the launcher that started it last; empty for this machine."""

    nodes: int = 1
    """Number of nodes that the launcher was given."""

    disk_version: int = DISK_VERSION
    """Version of the format; `read_run` upgrades older ones."""


def folder_of(workspace: Workspace, run_id: str) -> Path:
    """Return a run's folder."""
    return workspace.runs / check_name(run_id)


def reserve_run(workspace: Workspace, config: TrainConfig) -> str:
    """Create an empty folder for a queued run, and return the run's id."""
    while True:
        run_id = fresh_id(workspace.runs, f"{config.dataset[:40]}-{config.backbone}")
        try:
            folder_of(workspace, run_id).mkdir(parents=True)
        except FileExistsError:  # Another process has just created it
            continue
        return run_id


def start_run(
    workspace: Workspace, config: TrainConfig, run_id: str | None = None, *, again: bool = False
) -> Run:
    """Start a new run, in the folder that was reserved for `run_id` or a new one.

    With `again`, a run of that name and these settings that has not ended is returned instead.

    Raises:
        WorkbenchError: There is a run of that name.
    """
    chosen = run_id or reserve_run(workspace, config)
    folder_of(workspace, chosen).mkdir(parents=True, exist_ok=True)
    if run_exists(workspace, chosen):
        if again:
            before = read_run(workspace, chosen)
            if can_resume(before) and before.config == asdict(config):
                return before
        raise WorkbenchError(
            f"There is a run “{chosen}” already.", "Choose another name, or resume that one."
        )
    run = Run(id=chosen, config=asdict(config), created=time.time())
    write_run(workspace, run)
    return run


def write_run(workspace: Workspace, run: Run) -> None:
    """Write run.json atomically."""
    write_json(folder_of(workspace, run.id) / RUN_FILE, asdict(run))


def change_run(workspace: Workspace, run_id: str, **fields: Any) -> Run:
    """Change some fields of a run, and return it."""
    run = replace(read_run(workspace, run_id), **fields)
    write_run(workspace, run)
    return run


def read_run(workspace: Workspace, run_id: str) -> Run:
    """Read a run, upgraded if an earlier release wrote it; `write_run` then saves it upgraded.

    Raises:
        MissingError: There is no such run.
        DamagedArtifactError: Its run.json is damaged.
        WorkbenchError: A newer version of the workbench wrote it.
    """
    path = folder_of(workspace, run_id) / RUN_FILE
    try:
        content = read_json(path)
        version = content.get("disk_version", 1)
        if version > DISK_VERSION:
            raise newer_version(f"The run “{run_id}”")
        if version < DISK_VERSION:
            content |= {
                "config": upgrade_settings(content["config"]),
                "disk_version": DISK_VERSION,
            }
        content["status"] = RunStatus(content["status"])
        from_json(TrainConfig, content["config"])
        return from_json(Run, content)
    except FileNotFoundError as error:
        raise MissingError(f"There is no run “{run_id}”.", "Choose one that is listed.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedArtifactError(
            f"{run_id}/{RUN_FILE} is damaged.",
            "Delete that run, and train again with the settings you want.",
        ) from error


def list_runs(workspace: Workspace) -> list[Run]:
    """Return the readable runs, newest first."""
    runs = []
    for path in workspace.runs.glob(f"*/{RUN_FILE}"):
        try:
            runs.append(read_run(workspace, path.parent.name))
        except WorkbenchError:
            continue
    return sorted(runs, key=lambda run: run.created, reverse=True)


def run_exists(workspace: Workspace, run_id: str) -> bool:
    """Return whether there is a run of that id that has started."""
    return (folder_of(workspace, run_id) / RUN_FILE).exists()


def delete_run(workspace: Workspace, run_id: str) -> None:
    """Delete a run's folder; its model stays."""
    shutil.rmtree(folder_of(workspace, run_id), ignore_errors=True)


def can_resume(run: Run) -> bool:
    """Return whether a run can be resumed; without a saved state it starts over."""
    return run.status not in (RunStatus.DONE, RunStatus.STOPPED)


def read_unfinished_run(workspace: Workspace, run_id: str) -> Run:
    """Read a run that can be resumed.

    Raises:
        WorkbenchError: It has ended, or as in `read_run`.
    """
    run = read_run(workspace, run_id)
    if not can_resume(run):
        raise WorkbenchError(
            f"The run “{run_id}” has ended.", "Start a new run with its settings to train longer."
        )
    return run


def append_metrics(folder: Path, measured: Mapping[str, float]) -> None:
    """Append an epoch's metrics; if an epoch is repeated, the later ones count."""
    with (folder / METRICS).open("a", encoding="utf-8") as file:
        file.write(json.dumps(dict(measured)) + "\n")


def read_metrics(workspace: Workspace, run_id: str) -> list[dict[str, float]]:
    """Return the metrics of each epoch, in order."""
    epochs: dict[int, dict[str, float]] = {}
    path = folder_of(workspace, run_id) / METRICS
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        with suppress(ValueError, KeyError):  # Truncated by a kill
            measured = parse_json(line)
            if fits(measured, dict[str, float]):
                epochs[int(measured["epoch"])] = measured
    return [epochs[number] for number in sorted(epochs)]


def checkpoint_of(workspace: Workspace, run_id: str) -> Path | None:
    """Return the weights of a run's best epoch so far, None before the first."""
    path = folder_of(workspace, run_id) / CHECKPOINT
    return path if path.is_file() and read_metrics(workspace, run_id) else None


def request_pause(workspace: Workspace, run_id: str) -> None:
    """Request that a run saves its state when it is stopped, instead of making a model."""
    (folder_of(workspace, run_id) / PAUSE_REQUEST).touch()


def is_pause_requested(folder: Path) -> bool:
    """Return whether a pause is requested."""
    return (folder / PAUSE_REQUEST).exists()


def clear_pause(folder: Path) -> bool:
    """Delete the request for a pause; return whether there was one."""
    requested = is_pause_requested(folder)
    (folder / PAUSE_REQUEST).unlink(missing_ok=True)
    return requested
