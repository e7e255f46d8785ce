"""Sentences about jobs: progress, remaining time, outcome."""

import time
from typing import Any

from core.commands import find_command
from core.datasets.columns import Split
from core.jobs.records import Status
from pages.parts.components.text import counted, duration, plain
from state import resources
from state.job_views import JobView
from state.trainings import RunState, run_id_of

ICONS = {
    Status.QUEUED: ":material/schedule:",
    Status.RUNNING: ":material/progress_activity:",
    Status.DONE: ":green[:material/check_circle:]",
    Status.STOPPED: ":orange[:material/stop_circle:]",
    Status.FAILED: ":red[:material/error:]",
    Status.INTERRUPTED: ":red[:material/power_off:]",
}


def progress(view: JobView) -> str:
    """Return title, share, step and remaining time of an active job."""
    title = plain(view.record.title)
    if view.record.status == Status.QUEUED:
        return f"{title} · queued"
    parts = [title, _share(view), plain(view.progress.note) or "starting", _left(view)]
    return " · ".join(part for part in parts if part)


def short_progress(view: JobView) -> str:
    """Return share, first word of the title and remaining time of an active job.

    A narrow header has room for the share only.
    """
    if view.record.status == Status.QUEUED:
        return "Queued"
    parts = [_share(view), view.record.title.split()[0], _left(view)]
    return " · ".join(part for part in parts if part)


def outcome(view: JobView) -> str:
    """Return title and outcome of an ended job."""
    title = f"{ICONS[view.record.status]} {plain(view.record.title)}"
    training = resources.training(run_id_of(view.record) or "")
    if training is not None and training.state == RunState.PAUSED:
        return f":orange[:material/pause_circle:] {plain(training.name)}: paused"
    match view.record.status:
        case Status.DONE:
            took = f"{title}: done in {duration(view.record.ended - view.record.created)}"
            command = find_command(view.record.verb)
            imported = _imported(view.result) if command and command.adds_images else ""
            return f"{took}. {imported}" if imported else took
        case Status.STOPPED if view.result:
            return f"{title}: stopped; the best result so far is saved"
        case Status.STOPPED:
            return f"{title}: stopped"
        case Status.FAILED:
            return f"{title}: failed. {plain(view.message)}"
    return (
        f"{title}: interrupted. Its process ended unexpectedly, for example for lack of memory. "
        "Start it again."
    )


def _imported(result: dict[str, Any] | None) -> str:
    """Return what a job has imported; empty if it has not."""
    if not result or "skipped" not in result:
        return ""
    counts = [counted(result["num_images"], "image"), f"{result['num_classes']:,} classes"]
    splits = result["splits"]
    counts += [f"{splits[split]:,} {split}" for split in Split if split in splits]
    num_skipped = sum(result["skipped"].values()) + result["num_problems"]
    counts += [f"{num_skipped:,} not imported"] if num_skipped else []
    return " · ".join(counts)


def _share(view: JobView) -> str:
    return f"{view.progress.fraction:.0%}" if view.progress.total else ""


def _left(view: JobView) -> str:
    """Return the remaining time, estimated from the pace of the current phase."""
    elapsed = time.time() - view.phase_started
    moved = view.progress.fraction - view.phase_fraction
    if moved < 0.02 or elapsed < 3:
        return ""
    return f"{duration(elapsed * (1 - view.progress.fraction) / moved)} left"
