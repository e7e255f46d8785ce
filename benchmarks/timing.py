"""Timing for the benchmarks: interleaved medians, printed as ratios to a reference."""

import os
import statistics
import time
from collections.abc import Callable

NUM_CORES = os.cpu_count() or 1
CORES_OF_LIMITS = 4
"""Limits in seconds are for this many cores; with fewer, they are printed and not judged."""


def seconds(work: Callable[[], object]) -> float:
    """Return the seconds that `work` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def interleaved(measurements: dict[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Return the median of `rounds` values of each measurement, taken in turns."""
    taken: dict[str, list[float]] = {name: [] for name in measurements}
    for _ in range(rounds):
        for name, measure in measurements.items():
            taken[name].append(measure())
    return {name: statistics.median(values) for name, values in taken.items()}


def report(title: str, medians: dict[str, float], limit: float | None = None) -> None:
    """Print the medians in seconds, and each as a multiple of the first, the reference."""
    print(f"\n{title}")
    reference = next(iter(medians.values()))
    for name, value in medians.items():
        print(f"  {name:<48} {value:8.3f} s  {value / reference:6.2f} ×")
    if limit is not None:
        worst = max(medians.values())
        judged = "holds" if worst < limit else "does not hold"
        few = NUM_CORES < CORES_OF_LIMITS
        print(f"  limit {limit:g} s: {'not judged, few cores' if few else judged}")
