"""How long work reports itself: a generator that yields `Progress` and returns its result.

Whoever drives it decides about threads and signals. To give up, close the generator: its
`finally` blocks run and leave nothing half-written. To stop early but keep what is worth
keeping, throw `Stop` into it: work that has a partial result catches it and returns that.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")
STEPS_PER_PART = 1000
"""Steps that a part of some work counts as, whatever it counts itself."""


class Stop(Exception):  # noqa: N818 - a request, not an error
    """Thrown into running work at a yield: finish now and return what is worth keeping."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a computation has come, in its own unit (images, batches, bytes)."""

    done: int
    total: int
    """0 while it is not known."""

    note: str = ""

    @property
    def fraction(self) -> float:
        """Share completed, in [0, 1]; 0 while the total is unknown."""
        return min(self.done / self.total, 1.0) if self.total else 0.0


@dataclass(frozen=True, slots=True)
class Measurement:
    """A point of one or more curves, for whoever draws them."""

    curve: str
    """Which family of curves: `step` within an epoch, `epoch` at its end."""

    values: dict[str, float]
    """The point's coordinates by name, units in the names where they have one."""


Work: TypeAlias = Generator[Progress | Measurement, None, T]


def format_rate(per_second: float) -> str:
    """Return a speed as it is said to people, in three digits or whole: 0.35, 12.5, 3,190."""
    return f"{per_second:,.0f}" if per_second >= 100 else f"{per_second:.3g}"


def finish(work: Generator[Any, None, T]) -> T:
    """Drive `work` to its end on this thread and return its result."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: T = end.value
            return result


def run_part(work: Work[T], number: int, total: int, note: str) -> Work[T]:
    """Do one of several equal parts of some work, and say how far all of it is.

    Args:
        work: The part.
        number: Parts that are done before it.
        total: Parts in all.
        note: Said before the part's own words.
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
