"""Decoded batches of images, read ahead by processes.

Shapes, in this file: B images, S pixels a side.
"""

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from core.images import isolation
from core.images.cropping import WHOLE, Crop
from core.models.devices import choose_device
from core.models.preprocessing import Preprocessing
from core.models.shared_slots import SharedSlots

PIECE = 32
"""Images in one request to a process: the fewer, the shorter the wait for the slowest process."""

PIECES_AHEAD = 2
"""Requests queued for each process."""

BATCHES_HELD = 4
"""Batches that a caller holds at once: the current and those in passes. Further ones are copies."""

Problems = dict[int, str]
"""Position → reason, for each image that could not be decoded."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some of the images, decoded; unreadable ones are left out."""

    positions: NDArray[np.int64]
    """(B,) their positions in the list of paths."""

    pixels: NDArray[np.uint8]
    """(B, 3, S, S), a view of (B, S, S, 3) in memory."""

    problems: Problems


def load_square(
    source: Path | BinaryIO,
    preprocessing: Preprocessing,
    *,
    crop: Crop = WHOLE,
    name: str | None = None,
) -> NDArray[np.uint8]:
    """Decode an image, or a crop of it, to the network's input size: (3, S, S) uint8.

    A crop keeps as much of the original's detail as the network can see.

    Raises:
        UnreadableImageError: It is no image, or a damaged one.
        WorkbenchError: The crop has fewer than 8 pixels a side.
    """
    square = isolation.load_square(source, preprocessing.square, crop=crop, name=name)
    return square.transpose(2, 0, 1)


def decode_batches(
    paths: Sequence[Path | str], preprocessing: Preprocessing, batch_size: int
) -> Iterator[Batch]:
    """Decode images in order, a few batches ahead of the caller, into shared memory."""
    side, count = preprocessing.image_size, isolation.num_processes()
    ahead = math.ceil(count * PIECES_AHEAD / math.ceil(batch_size / PIECE))
    slots = SharedSlots(ahead + 1 + BATCHES_HELD, (batch_size, side, side, 3), choose_device())

    def decode(piece: range, slot: int, place: int) -> Problems:
        offset = slots.offset(slot) + place * 3 * side**2
        files = [Path(paths[at]) for at in piece]
        errors = isolation.load_squares(files, preprocessing.square, slots.memory, offset)
        return {at: error.problem for at, error in zip(piece, errors, strict=True) if error}

    def start(positions: range) -> Callable[[], Batch]:
        slot = slots.take()
        jobs = [
            waiting.submit(decode, positions[place : place + PIECE], slot, place)
            for place in range(0, len(positions), PIECE)
        ]

        def finish() -> Batch:
            problems: Problems = {}
            for job in jobs:
                problems |= job.result()
            return _batch(positions, slots.lend(slot), problems)

        return finish

    waiting = ThreadPoolExecutor(count * PIECES_AHEAD)  # They wait for processes
    try:
        yield from _ahead(map(start, _runs(len(paths), batch_size)), ahead)
    finally:
        waiting.shutdown(wait=False, cancel_futures=True)
        slots.unpin()


def _ahead(started: Iterator[Callable[[], Batch]], ahead: int) -> Iterator[Batch]:
    """Yield the batches in order, with `ahead` more of them started."""
    waiting: deque[Callable[[], Batch]] = deque()
    for wait in started:
        waiting.append(wait)
        if len(waiting) > ahead:
            yield waiting.popleft()()
    while waiting:
        yield waiting.popleft()()


def _runs(count: int, length: int) -> Iterator[range]:
    """Divide range(count) into ranges of `length`; the last may be shorter."""
    return (range(start, min(start + length, count)) for start in range(0, count, length))


def _batch(positions: range, squares: NDArray[np.uint8], problems: Problems) -> Batch:
    """Build a batch of the decoded ones of (at least B, S, S, 3) `squares`."""
    good = [at for at in positions if at not in problems]
    decoded = squares[: len(positions)]
    if problems:
        decoded = decoded[[at - positions.start for at in good]]
    return Batch(np.array(good, np.int64), decoded.transpose(0, 3, 1, 2), problems)
