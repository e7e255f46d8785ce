"""Progress of long work: a generator that yields `Progress` and returns its result.

The caller decides about threads and signals. To cancel work, close the generator: its `finally`
blocks leave nothing half-written. To stop it early with a partial result, throw `Stop` into it:
work that has a partial result catches it and returns that.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")
STEPS_PER_PART = 1000
"""Steps of each part of a whole, whatever its own unit."""


class Stop(Exception):  # noqa: N818 - a request, not an error
    """A request to running work, thrown at a yield: finish now with a partial result."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a computation, in its own unit (images, batches, bytes)."""

    done: int
    total: int
    """0 while unknown."""

    note: str = ""

    @property
    def fraction(self) -> float:
        """Share completed, in [0, 1]; 0 while the total is unknown."""
        return min(self.done / self.total, 1.0) if self.total else 0.0


@dataclass(frozen=True, slots=True)
class Measurement:
    """A point of one or more curves."""

    curve: str
    """Family of the curves: `step` within an epoch, `epoch` at its end."""

    values: dict[str, float]
    """Name, with a unit if there is one, → value."""


Work: TypeAlias = Generator[Progress | Measurement, None, T]


def format_rate(per_second: float) -> str:
    """Return a rate as text with three digits, or more before the point: 0.35, 12.5, 3,190."""
    return f"{per_second:,.0f}" if per_second >= 100 else f"{per_second:.3g}"


def finish(work: Generator[Any, None, T]) -> T:
    """Run `work` to its end on this thread and return its result."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: T = end.value
            return result


def held_back(work: Work[T]) -> Work[tuple[T, bool]]:
    """Run work to its end; return its result, and whether a `Stop` was thrown in meanwhile."""
    is_stopped = False
    try:
        while True:
            event = next(work)
            try:
                yield event
            except Stop:
                is_stopped = True
    except StopIteration as end:
        result: T = end.value
        return result, is_stopped
    finally:
        work.close()


def run_part(work: Work[T], number: int, total: int, note: str) -> Work[T]:
    """Run one of `total` equal parts, `number` of which are done, and report progress of the whole.

    `note` is the text before the part's own note.
    """
    try:
        event = next(work)
        while True:
            if isinstance(event, Progress):
                done = round((number + event.fraction) * STEPS_PER_PART)
                event = Progress(done, total * STEPS_PER_PART, f"{note}: {event.note}")
            try:
                yield event
            except Stop as stop:
                event = work.throw(stop)
            else:
                event = next(work)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        work.close()
