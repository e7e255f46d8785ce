"""Which process trains a run."""

import os

import psutil

from core.errors import WorkbenchError
from core.jobs.records import is_process
from core.training.runs import (
    Run,
    RunStatus,
    change_run,
    clear_pause,
    delete_run,
    folder_of,
    read_metrics,
    run_exists,
)
from core.workspace import Workspace


def is_running(run: Run) -> bool:
    """Return whether a process is training it."""
    return run.status == RunStatus.STARTED and is_process(run.process_id, run.process_started)


def claim_run(workspace: Workspace, run: Run, launcher: str = "", nodes: int = 1) -> None:
    """Mark the run as running in this process, under a launcher on `nodes` nodes if it has one.

    Raises:
        WorkbenchError: It runs in another process.
    """
    if is_running(run):
        raise WorkbenchError(f"The run “{run.id}” is already training.", "Wait until it ends.")
    change_run(
        workspace,
        run.id,
        status=RunStatus.STARTED,
        message="",
        process_id=os.getpid(),
        process_started=psutil.Process().create_time(),
        launcher=launcher,
        nodes=nodes,
    )


def leave_run(workspace: Workspace, run_id: str) -> None:
    """Mark a stopped run that has no model as paused; delete it if it has no epoch, either."""
    # A resumed run that is stopped before it trains keeps the epochs that it has
    if clear_pause(folder_of(workspace, run_id)) or read_metrics(workspace, run_id):
        change_run(workspace, run_id, status=RunStatus.PAUSED)
    else:
        delete_run(workspace, run_id)


def release_run(workspace: Workspace, run_id: str) -> None:
    """Mark the run as running in no process, unless it was deleted."""
    if run_exists(workspace, run_id):
        change_run(workspace, run_id, process_id=0)
