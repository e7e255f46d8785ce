"""Trainings as pages see them: a run's own record, the job that carries it out, its figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

from core.commands import find_command
from core.commands.training import RESUME, TRAIN
from core.jobs.records import JobRecord, Status
from core.training.runs import MAP, Run, RunStatus, is_running, list_runs, read_metrics
from core.workspace import Workspace
from state.job_views import JobView

VERBS = (TRAIN, RESUME)
"""The commands that carry out a run."""


class RunState(StrEnum):
    """How a run stands, told in one word."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    INTERRUPTED = "interrupted"
    """Its process died without a word."""

    FAILED = "failed"
    STOPPED = "stopped"
    DONE = "done"


RESUMABLE = (RunState.PAUSED, RunState.INTERRUPTED, RunState.FAILED)


@dataclass(frozen=True, slots=True)
class Training:
    """One run at one moment."""

    run: Run
    state: RunState
    job: JobView | None
    """The newest job that carries it out; None where its record was deleted."""

    epochs: list[dict[str, float]]
    """What was measured after each epoch."""

    @property
    def name(self) -> str:
        """What people call it."""
        return self.run.title or self.run.id

    @property
    def best(self) -> dict[str, float]:
        """What was measured after the best epoch; empty before the first."""
        return max(self.epochs, key=lambda epoch: epoch.get(MAP, 0.0), default={})

    @property
    def steps(self) -> list[dict[str, Any]]:
        """The loss within the epochs, as its newest job told it."""
        told = self.job.measurements if self.job else ()
        return [event["values"] for event in told if event["curve"] == "step"]


def run_id_of(record: JobRecord) -> str:
    """Return which run a job carries out; empty if it names none."""
    return dict(pairwise(record.arguments)).get("--run-id", "")


def list_trainings(workspace: Workspace, jobs: Sequence[JobView]) -> list[Training]:
    """Return every run with its newest job, newest first.

    Args:
        workspace: Where the runs are.
        jobs: Newest first.
    """
    newest: dict[str, JobView] = {}
    for view in jobs:
        if find_command(view.record.verb) in VERBS:
            newest.setdefault(run_id_of(view.record), view)
    return [
        Training(run, _standing(run, newest.get(run.id)), newest.get(run.id), metrics)
        for run in list_runs(workspace)
        for metrics in [read_metrics(workspace, run.id)]
    ]


def differences(trainings: Sequence[Training]) -> dict[str, list[str]]:
    """Return setting → its value in each of the runs, where they are not all the same."""
    configs = [training.run.config for training in trainings]
    return {
        name: [str(config.get(name, "")) for config in configs]
        for name in configs[0]
        if len({str(config.get(name, "")) for config in configs}) > 1
    }


def _standing(run: Run, job: JobView | None) -> RunState:
    if job is not None and job.active:
        return RunState.QUEUED if job.record.status == Status.QUEUED else RunState.RUNNING
    if run.status == RunStatus.STARTED:
        return RunState.RUNNING if is_running(run) else RunState.INTERRUPTED
    return RunState(run.status.value)
