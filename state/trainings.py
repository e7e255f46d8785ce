"""Trainings for the pages: each run with its job and its metrics."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

from core.commands import find_command
from core.commands.training import RESUME, TRAIN
from core.jobs.records import JobRecord, Status
from core.training.run_process import is_running
from core.training.runs import MAP, Run, RunStatus, list_runs, read_metrics
from core.workspace import Workspace
from state.job_views import JobView

VERBS = (TRAIN, RESUME)
"""The commands that train a run."""


class RunState(StrEnum):
    """State of a run."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    INTERRUPTED = "interrupted"
    """Its process ended without writing a status."""

    FAILED = "failed"
    STOPPED = "stopped"
    DONE = "done"


RESUMABLE = (RunState.PAUSED, RunState.INTERRUPTED, RunState.FAILED)


@dataclass(frozen=True, slots=True)
class Training:
    """A run with its job and metrics, at one moment."""

    run: Run
    state: RunState
    job: JobView | None
    """The newest job that trains it; None if that was deleted."""

    epochs: list[dict[str, float]]
    """Metrics of each epoch."""

    @property
    def name(self) -> str:
        """Return the title, or the id if there is none."""
        return self.run.title or self.run.id

    @property
    def best(self) -> dict[str, float]:
        """Return the metrics of the best epoch, the last one of equals; empty before the first."""
        return max(reversed(self.epochs), key=lambda epoch: epoch.get(MAP, 0.0), default={})

    @property
    def steps(self) -> list[dict[str, Any]]:
        """Return the newest job's measurements within the epochs."""
        measurements = self.job.measurements if self.job else ()
        return [event["values"] for event in measurements if event["curve"] == "step"]


def run_id_of(record: JobRecord) -> str:
    """Return the id of the run that a job trains; empty if it names none."""
    return dict(pairwise(record.arguments)).get("--run-id", "")


def list_trainings(workspace: Workspace, jobs: Sequence[JobView]) -> list[Training]:
    """Return every run with its newest job, newest first; so are `jobs`."""
    newest: dict[str, JobView] = {}
    for view in jobs:
        if find_command(view.record.verb) in VERBS:
            newest.setdefault(run_id_of(view.record), view)
    return [
        Training(run, _state(run, newest.get(run.id)), newest.get(run.id), metrics)
        for run in list_runs(workspace)
        for metrics in [read_metrics(workspace, run.id)]
    ]


def differences(trainings: Sequence[Training]) -> dict[str, list[str]]:
    """Return setting → its values in the runs, for settings that differ."""
    configs = [training.run.config for training in trainings]
    return {
        name: [str(config.get(name, "")) for config in configs]
        for name in configs[0]
        if len({str(config.get(name, "")) for config in configs}) > 1
    }


def _state(run: Run, job: JobView | None) -> RunState:
    if job is not None and job.active:
        return RunState.QUEUED if job.record.status == Status.QUEUED else RunState.RUNNING
    if run.status == RunStatus.STARTED:
        return RunState.RUNNING if is_running(run) else RunState.INTERRUPTED
    return RunState(run.status.value)
