"""Immutable views of jobs for the pages, updated by events of the jobs."""

from dataclasses import dataclass, field, replace
from typing import Any

from core.jobs.records import ACTIVE, JobRecord
from core.progress import Progress


@dataclass(frozen=True, slots=True)
class JobView:
    """State of a job at one moment."""

    record: JobRecord
    progress: Progress = field(default=Progress(0, 0))
    measurements: tuple[dict[str, Any], ...] = ()
    """Its measurements so far, in order: {"curve": …, "values": {…}} each."""

    result: dict[str, Any] | None = None
    """Result of the command; None until it is done."""

    message: str = ""
    """Error message of a failed job."""

    phase_started: float = 0.0
    """Start of the current phase (a phase has one total), in seconds since 1970."""

    phase_fraction: float = 0.0
    """Its progress at that time, in [0, 1]."""

    stopping: bool = False
    """Whether a stop is requested and it has not ended yet."""

    @property
    def active(self) -> bool:
        """Whether it is queued or running."""
        return self.record.status in ACTIVE


def with_events(view: JobView, events: list[dict[str, Any]]) -> JobView:
    """Return a view updated by events."""
    for event in events:
        match event:
            case {"kind": "progress", "done": done, "total": total, "note": note}:
                view = _with_progress(view, Progress(done, total, note), event["time"])
            case {"kind": "measurement"}:
                view = replace(view, measurements=(*view.measurements, event))
            case {"kind": "result", "result": result}:
                view = replace(view, result=result)
            case {"kind": "failed", "message": message}:
                view = replace(view, message=message)
    return view


def _with_progress(view: JobView, progress: Progress, when: float) -> JobView:
    if progress.total != view.progress.total or progress.done < view.progress.done:
        view = replace(view, phase_started=when, phase_fraction=progress.fraction)
    return replace(view, progress=progress)
