"""How a job looks to the pages at one moment. Knows nothing of threads, processes or Streamlit."""

from dataclasses import dataclass, field, replace
from typing import Any

from core.jobs.records import ACTIVE, JobRecord
from core.progress import Progress


@dataclass(frozen=True, slots=True)
class JobView:
    """One consistent picture of a job."""

    record: JobRecord
    progress: Progress = field(default=Progress(0, 0))
    measurements: tuple[dict[str, Any], ...] = ()
    """What it measured so far: {"curve": …, "values": {…}} each, in order."""

    result: dict[str, Any] | None = None
    """What it made; None until it is done."""

    message: str = ""
    """Why it failed, as a sentence."""

    phase_started: float = 0.0
    """When the phase that it is in began (a phase has one total): seconds since 1970."""

    phase_fraction: float = 0.0
    """How far it was then, in [0, 1]."""

    stopping: bool = False
    """It was asked to stop and has not ended yet."""

    @property
    def active(self) -> bool:
        """Whether it waits or runs."""
        return self.record.status in ACTIVE


def with_events(view: JobView, events: list[dict[str, Any]]) -> JobView:
    """Return the view after these events."""
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
