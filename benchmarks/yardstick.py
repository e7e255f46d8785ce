"""What every figure is held against: the same things, done by as little as possible."""

import os
import statistics
import time
from collections.abc import Callable

NUM_CORES = os.cpu_count() or 1
CORES_OF_LIMITS = 4
"""The limits in seconds are for a machine of this many cores; a smaller one only prints."""


def seconds(work: Callable[[], object]) -> float:
    """Return how long `work` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def interleaved(ways: dict[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Return the median of `rounds` measurements of each way, taken in turns."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, measure in ways.items():
            taken[name].append(measure())
    return {name: statistics.median(values) for name, values in taken.items()}


def report(title: str, medians: dict[str, float], limit: float | None = None) -> None:
    """Print the medians in seconds, and each as a multiple of the first, the yardstick."""
    print(f"\n{title}")
    yardstick = next(iter(medians.values()))
    for name, value in medians.items():
        print(f"  {name:<48} {value:8.3f} s  {value / yardstick:6.2f} ×")
    if limit is not None:
        worst = max(medians.values())
        judged = "holds" if worst < limit else "does not hold"
        few = NUM_CORES < CORES_OF_LIMITS
        print(f"  limit {limit:g} s: {'not judged, few cores' if few else judged}")
