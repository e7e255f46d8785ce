"""Decoded batches of images, read ahead by threads or processes.

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
from core.models.preprocessing import Preprocessing, to_square
from core.models.shared_slots import SharedSlots

DECODERS = min(8, os.cpu_count() or 1)
"""Decoding threads; Pillow releases Python's lock, so they use as many cores."""

BATCHES_AHEAD = 3

PROCESSES = os.cpu_count() or 1
PROCESSES_FROM = 1024
"""Fewest images for which starting processes pays off."""

PIECE = 32
"""Images in one task of a process: the fewer, the shorter the wait for the slowest process."""

PIECES_AHEAD = 2
"""Tasks queued for each process."""

BATCHES_HELD = 2
"""Batches that a caller holds at once: the current and the next. Further ones are copies."""

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
    source: Path | BinaryIO, preprocessing: Preprocessing, name: str | None = None
) -> NDArray[np.uint8]:
    """Decode an image to the network's input size: (3, S, S) uint8.

    Raises:
        UnreadableImageError: It is no image, or a damaged one.
    """
    image = open_image(source, name=name, min_side=preprocessing.image_size)
    return to_square(image, preprocessing)


def load_cropped_square(
    source: Path | BinaryIO, preprocessing: Preprocessing, crop: Crop, name: str | None = None
) -> NDArray[np.uint8]:
    """Decode a crop of an image to the network's input size: (3, S, S) uint8.

    It keeps as much of the original's detail as the network can see; a crop of the whole image
    equals the result of `load_square`.

    Raises:
        UnreadableImageError: It is no image, or a damaged one.
        WorkbenchError: The crop has fewer than 8 pixels a side.
    """
    image = open_cropped(source, crop, name=name, min_side=preprocessing.image_size)
    return to_square(image, preprocessing)


def decode_batches(
    paths: Sequence[Path | str], preprocessing: Preprocessing, batch_size: int
) -> Iterator[Batch]:
    """Decode images in order, a few batches ahead of the caller.

    Uses threads, or forked processes where a graphics card is faster than threads can decode.
    """
    has_card = choose_device().name == "cuda" and hasattr(os, "fork")
    decode = (
        decode_with_processes if has_card and len(paths) >= PROCESSES_FROM else decode_with_threads
    )
    return decode(paths, preprocessing, batch_size)


def decode_with_threads(
    paths: Sequence[Path | str], preprocessing: Preprocessing, batch_size: int
) -> Iterator[Batch]:
    """Decode as `decode_batches` does, with threads."""
    side = preprocessing.image_size

    def start(positions: range) -> Callable[[], Batch]:
        squares = np.empty((len(positions), side, side, 3), np.uint8)
        jobs = [
            decoders.submit(_decode, paths[at], square, preprocessing)
            for at, square in zip(positions, squares, strict=True)
        ]

        def finish() -> Batch:
            return _batch(positions, squares, _problems(positions, [job.result() for job in jobs]))

        return finish

    with ThreadPoolExecutor(DECODERS) as decoders:
        try:
            yield from _ahead(map(start, _runs(len(paths), batch_size)), BATCHES_AHEAD)
        finally:
            decoders.shutdown(cancel_futures=True)


def decode_with_processes(
    paths: Sequence[Path | str], preprocessing: Preprocessing, batch_size: int
) -> Iterator[Batch]:
    """Decode as `decode_batches` does, with processes, which do not share Python's lock.

    Raises:
        WorkbenchError: A process was killed.
    """
    ahead = math.ceil(PROCESSES * PIECES_AHEAD / math.ceil(batch_size / PIECE))
    side = preprocessing.image_size
    slots = SharedSlots(ahead + 1 + BATCHES_HELD, (batch_size, side, side, 3), choose_device())

    def decode(piece: range, slot: int, place: int) -> Problems:
        squares = slots.array(slot)[place : place + len(piece)]
        jobs = zip(piece, squares, strict=True)
        return _problems(piece, [_decode(paths[at], square, preprocessing) for at, square in jobs])

    def start(positions: range) -> Callable[[], Batch]:
        slot = slots.take()
        places = range(0, len(positions), PIECE)
        jobs = [submit(positions[place : place + PIECE], slot, place) for place in places]

        def finish() -> Batch:
            problems: Problems = {}
            for job in jobs:
                problems |= job.result()
            return _batch(positions, slots.lend(slot), problems)

        return finish

    try:
        with fork_pool(decode, PROCESSES) as submit:
            yield from _ahead(map(start, _runs(len(paths), batch_size)), ahead)
    except BrokenProcessPool as error:
        raise WorkbenchError(
            "A process that decoded images was ended from outside.",
            "Start this again; what was done by then is kept.",
        ) from error
    finally:
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


def _decode(
    path: Path | str, square: NDArray[np.uint8], preprocessing: Preprocessing
) -> str | None:
    """Decode an image into (S, S, 3) `square`; return the reason if that fails."""
    try:
        square[:] = load_square(Path(path), preprocessing).transpose(1, 2, 0)
    except UnreadableImageError as error:
        return error.problem
    return None


def _problems(positions: range, reasons: Sequence[str | None]) -> Problems:
    """Return position → reason for the images that have one."""
    return {at: reason for at, reason in zip(positions, reasons, strict=True) if reason}


def _batch(positions: range, squares: NDArray[np.uint8], problems: Problems) -> Batch:
    """Build a batch of the decoded ones of (at least B, S, S, 3) `squares`."""
    good = [at for at in positions if at not in problems]
    decoded = squares[: len(positions)]
    if problems:
        decoded = decoded[[at - positions.start for at in good]]
    return Batch(np.array(good, np.int64), decoded.transpose(0, 3, 1, 2), problems)
