"""Decoding many images ahead of whoever reads them, batch by batch.

Shapes, in this file: B images, S pixels a side.
"""

import math
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from core.errors import UnreadableImageError, WorkbenchError
from core.images.cropping import Crop, open_cropped
from core.images.decoding import open_image
from core.images.process_pool import fork_pool
from core.models.devices import choose_device
from core.models.preprocessing import to_square
from core.models.shared_slots import SharedSlots

DECODERS = min(8, os.cpu_count() or 1)
"""Threads that decode; Pillow works outside Python's lock, so they use that many cores."""

BATCHES_AHEAD = 3

PROCESSES = os.cpu_count() or 1
PROCESSES_FROM = 1024
"""Images for which processes are worth their start."""

PIECE = 32
"""Images that a process is given at a time: the fewer, the less the others wait for the slowest."""

PIECES_AHEAD = 2
"""Of each process."""

BATCHES_HELD = 2
"""That a reader has: the one it lets go of when it has the next. What it holds beyond is copied."""

Problems = dict[int, str]
"""Position → reason, for each image that could not be decoded."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some of the images, decoded; those that could not be are left out."""

    positions: NDArray[np.int64]
    """(B,) where each stood in the list that was asked for."""

    pixels: NDArray[np.uint8]
    """(B, 3, S, S), a view of (B, S, S, 3) in memory."""

    problems: Problems


def load_square(source: Path | BinaryIO, side: int, name: str | None = None) -> NDArray[np.uint8]:
    """Decode one image as the network sees it: (3, S, S) uint8.

    Raises:
        UnreadableImageError: It is no image, or a damaged one.
    """
    return to_square(open_image(source, name=name, min_side=side), side)


def load_cropped_square(
    source: Path | BinaryIO, side: int, crop: Crop, name: str | None = None
) -> NDArray[np.uint8]:
    """Decode the crop of an image as the network sees it: (3, S, S) uint8.

    It has all the detail of the original that `side` has room for; the crop of all gives what
    `load_square` does.

    Raises:
        UnreadableImageError: It is no image, or a damaged one.
        WorkbenchError: The crop has fewer than 8 pixels a side.
    """
    return to_square(open_cropped(source, crop, name=name, min_side=side), side)


def decode_batches(paths: Sequence[Path | str], side: int, batch_size: int) -> Iterator[Batch]:
    """Decode images in order, a few batches ahead of the reader.

    Threads do it, or forked processes where a graphics card reads more than threads can decode.
    """
    is_quick = choose_device().name == "cuda" and hasattr(os, "fork")
    decode = (
        decode_with_processes if is_quick and len(paths) >= PROCESSES_FROM else decode_with_threads
    )
    return decode(paths, side, batch_size)


def decode_with_threads(paths: Sequence[Path | str], side: int, batch_size: int) -> Iterator[Batch]:
    """Decode as `decode_batches` says, on threads."""

    def begin(positions: range) -> Callable[[], Batch]:
        squares = np.empty((len(positions), side, side, 3), np.uint8)
        jobs = [
            decoders.submit(_decode, paths[at], square)
            for at, square in zip(positions, squares, strict=True)
        ]

        def finish() -> Batch:
            return _batch(positions, squares, _problems(positions, [job.result() for job in jobs]))

        return finish

    with ThreadPoolExecutor(DECODERS) as decoders:
        try:
            yield from _ahead(map(begin, _runs(len(paths), batch_size)), BATCHES_AHEAD)
        finally:
            decoders.shutdown(cancel_futures=True)


def decode_with_processes(
    paths: Sequence[Path | str], side: int, batch_size: int
) -> Iterator[Batch]:
    """Decode as `decode_batches` says, in processes: one lock less than threads have.

    Raises:
        WorkbenchError: One of them was ended from outside.
    """
    ahead = math.ceil(PROCESSES * PIECES_AHEAD / math.ceil(batch_size / PIECE))
    slots = SharedSlots(ahead + 1 + BATCHES_HELD, (batch_size, side, side, 3), choose_device())

    def decode(piece: range, slot: int, place: int) -> Problems:
        squares = slots.array(slot)[place : place + len(piece)]
        jobs = zip(piece, squares, strict=True)
        return _problems(piece, [_decode(paths[at], square) for at, square in jobs])

    def begin(positions: range) -> Callable[[], Batch]:
        slot = slots.take()
        places = range(0, len(positions), PIECE)
        jobs = [ask(positions[place : place + PIECE], slot, place) for place in places]

        def finish() -> Batch:
            problems: Problems = {}
            for job in jobs:
                problems |= job.result()
            return _batch(positions, slots.lend(slot), problems)

        return finish

    try:
        with fork_pool(decode, PROCESSES) as ask:
            yield from _ahead(map(begin, _runs(len(paths), batch_size)), ahead)
    except BrokenProcessPool as error:
        raise WorkbenchError(
            "A process that decoded images was ended from outside.",
            "Start this again; what was done by then is kept.",
        ) from error
    finally:
        slots.unpin()


def _ahead(begun: Iterator[Callable[[], Batch]], ahead: int) -> Iterator[Batch]:
    """Wait for one batch after the other, when as many more as `ahead` have begun."""
    waiting: deque[Callable[[], Batch]] = deque()
    for wait in begun:
        waiting.append(wait)
        if len(waiting) > ahead:
            yield waiting.popleft()()
    while waiting:
        yield waiting.popleft()()


def _runs(count: int, length: int) -> Iterator[range]:
    """Divide the first `count` numbers into runs of `length`; the last may be shorter."""
    return (range(start, min(start + length, count)) for start in range(0, count, length))


def _decode(path: Path | str, square: NDArray[np.uint8]) -> str | None:
    """Decode an image into (S, S, 3) `square`; return why not, if that cannot be."""
    try:
        square[:] = load_square(Path(path), len(square)).transpose(1, 2, 0)
    except UnreadableImageError as error:
        return error.problem
    return None


def _problems(positions: range, reasons: Sequence[str | None]) -> Problems:
    """Keep the reasons there are."""
    return {at: reason for at, reason in zip(positions, reasons, strict=True) if reason}


def _batch(positions: range, squares: NDArray[np.uint8], problems: Problems) -> Batch:
    """Put together those of (at least B, S, S, 3) `squares` that were decoded."""
    good = [at for at in positions if at not in problems]
    there = squares[: len(positions)]
    if problems:
        there = there[[at - positions.start for at in good]]
    return Batch(np.array(good, np.int64), there.transpose(0, 3, 1, 2), problems)
