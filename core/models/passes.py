"""Forward passes of many batches, several at once.

On a GPU they are queued, so that it does not wait for this process. On a CPU each has a part of
torch's threads: with all of them in one pass, each layer waits for the thread whose core is
decoding images at that moment.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeAlias, TypeVar

import torch

from core.models.batches import Batch
from core.models.devices import Device

Result = TypeVar("Result")

Start: TypeAlias = Callable[[Batch], Callable[[], Result]]
"""Starts the pass of a batch, and returns a function that waits for its result."""


def as_start(run: Callable[[Batch], Result]) -> Start[Result]:
    """Return a `Start` of a function that returns the result itself."""

    def start(batch: Batch) -> Callable[[], Result]:
        result = run(batch)
        return lambda: result

    return start


def forward_passes(
    batches: Iterable[Batch], start: Start[Result], device: Device
) -> Iterator[tuple[Batch, Result | None]]:
    """Run the network on batches and yield each, in order, with its result.

    The result is None if no image of the batch could be decoded.

    Args:
        batches: As `decode_batches` yields them.
        start: Called in several threads at once, if the device is a CPU.
        device: Where the network is.
    """
    pending: deque[tuple[Batch, Callable[[], Result | None]]] = deque()
    with _started_on(device, start) as begin:
        for batch in batches:
            pending.append((batch, begin(batch) if len(batch.positions) else _nothing))
            if len(pending) >= device.passes_at_once:
                yield _next(pending)
        while pending:
            yield _next(pending)


def _next(
    pending: deque[tuple[Batch, Callable[[], Result | None]]],
) -> tuple[Batch, Result | None]:
    batch, wait = pending.popleft()
    return batch, wait()


def _nothing() -> None:
    """Return no result."""


@contextmanager
def _started_on(device: Device, start: Start[Result]) -> Iterator[Start[Result]]:
    """Provide what starts a pass: `start` itself, or a thread with a part of torch's threads."""
    count = device.passes_in_threads
    if count == 1:
        yield start
        return
    total = torch.get_num_threads()
    pool = ThreadPoolExecutor(
        count, "forward-pass", initializer=_use_threads, initargs=(math.ceil(total / count),)
    )
    try:
        yield lambda batch: pool.submit(lambda: start(batch)()).result
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(total)  # For threads that start later, too


def _use_threads(number: int) -> None:
    """Let torch use so many threads for what this thread, or one that starts later, computes."""
    torch.get_num_threads()  # Its first call in a thread would replace the number set before
    torch.set_num_threads(number)
