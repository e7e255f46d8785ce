"""Stages of a pipeline, run one after the other, with progress of the whole."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.artifacts.manifests import Manifest
from core.progress import Progress, Stop, Work

STEPS = 10_000
"""Units of progress of a whole pipeline."""

Made = dict[str, Manifest]
"""Kind → artifact, of the stages that are done."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a pipeline, which makes an artifact or returns the one it would make."""

    title: str
    """Shown before the stage's own progress."""

    share: float
    """Its share of the whole work, as measured for images that were never seen before."""

    run: Callable[[Made], Work[Manifest | None]]
    """Makes the artifact of what earlier stages made; None if there is nothing to make."""


def run_stages(stages: Sequence[Stage]) -> Work[Made]:
    """Run stages in order, and return what they made.

    A stop ends the pipeline after the current stage has saved its partial result. When the pipeline
    runs again, the stages that are done return their artifacts.

    Raises:
        Stop: The pipeline was stopped.
    """
    made: Made = {}
    total, before = sum(stage.share for stage in stages), 0.0
    for stage in stages:
        manifest = yield from _run(stage, made, before / total, stage.share / total)
        if manifest is not None:
            made[manifest.kind] = manifest
        before += stage.share
    return made


def _run(stage: Stage, made: Made, start: float, share: float) -> Work[Manifest | None]:
    work = stage.run(made)
    is_stopped = False
    done = round(start * STEPS)
    yield Progress(done, STEPS, stage.title)
    try:
        event = next(work)
        while True:
            if isinstance(event, Progress):
                # A stage of several parts counts each from 0
                done = max(done, round((start + share * event.fraction) * STEPS))
                event = Progress(done, STEPS, f"{stage.title}: {event.note}")
            try:
                yield event
            except Stop as stop:
                is_stopped = True
                event = work.throw(stop)
            else:
                event = next(work)
    except StopIteration as end:
        if is_stopped:  # The stage returned a partial result
            raise Stop from end
        result: Manifest | None = end.value
        return result
    finally:
        work.close()
