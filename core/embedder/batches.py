"""Decoding many images ahead of whoever reads them, batch by batch.

Shapes, in this file: B images, S pixels a side.
"""

import math
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from core.cropping import Crop, open_cropped
from core.embedder.devices import choose_device
from core.embedder.preprocess import to_square
from core.embedder.shared_slots import SharedSlots
from core.errors import UnreadableImageError, WorkbenchError
from core.images import open_image

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

BATCHES_HELD = 6
"""That a reader has at once; what it holds beyond is copied."""

DEAD_WORKER = "DataLoader worker"
"""How torch begins to say that one has died; what one raised is said as itself."""

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
    return to_square(open_image(source, name=name, at_least=side), side)


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
    return to_square(open_cropped(source, crop, name=name, at_least=side), side)


def decode_batches(paths: Sequence[Path | str], side: int, batch_size: int) -> Iterator[Batch]:
    """Decode images in order, a few batches ahead of the reader.

    Threads do it, or forked processes where a graphics card reads more than threads can decode.
    Processes begin at once, threads with the first batch that is asked for.
    """
    is_quick = choose_device().name == "cuda" and hasattr(os, "fork")
    decode = by_processes if is_quick and len(paths) >= PROCESSES_FROM else by_threads
    return decode(paths, side, batch_size)


def by_threads(paths: Sequence[Path | str], side: int, batch_size: int) -> Iterator[Batch]:
    """Decode as `decode_batches` says, on threads."""
    with ThreadPoolExecutor(DECODERS) as decoders:
        waiting: deque[tuple[range, NDArray[np.uint8], list[Future[str | None]]]] = deque()
        try:
            for positions in _runs(len(paths), batch_size):
                squares = np.empty((len(positions), side, side, 3), np.uint8)
                jobs = [
                    decoders.submit(_decode, paths[at], square)
                    for at, square in zip(positions, squares, strict=True)
                ]
                waiting.append((positions, squares, jobs))
                if len(waiting) > BATCHES_AHEAD:
                    yield _finished(*waiting.popleft())
            while waiting:
                yield _finished(*waiting.popleft())
        finally:
            decoders.shutdown(cancel_futures=True)


def _finished(
    positions: range, squares: NDArray[np.uint8], jobs: list[Future[str | None]]
) -> Batch:
    return _batch(positions, squares, _problems(positions, [job.result() for job in jobs]))


def by_processes(paths: Sequence[Path | str], side: int, batch_size: int) -> Iterator[Batch]:
    """Decode as `decode_batches` says, in processes: one lock less than threads have.

    Raises:
        WorkbenchError: One of them was ended from outside.
    """
    pieces_ahead = PROCESSES * PIECES_AHEAD
    batches_ahead = math.ceil(pieces_ahead / math.ceil(batch_size / PIECE)) + 1
    slots = SharedSlots(batches_ahead + BATCHES_HELD, (batch_size, side, side, 3))
    begun: deque[tuple[range, int]] = deque()
    loader = DataLoader(
        _Pieces(paths, slots),
        batch_size=None,
        sampler=_pieces(_runs(len(paths), batch_size), slots, begun),
        num_workers=PROCESSES,
        prefetch_factor=PIECES_AHEAD,
        multiprocessing_context="fork",  # At once, and nothing is pickled on the way there
    )
    return _from_processes(iter(loader), slots, begun)


@dataclass(frozen=True, slots=True)
class _Piece:
    """Part of a batch, and where its first image belongs."""

    positions: range
    slot: int
    place: int


def _pieces(
    batches: Iterator[range], slots: SharedSlots, begun: deque[tuple[range, int]]
) -> Iterator[_Piece]:
    """Divide batches into pieces, and note in `begun` which batch is in which slot."""
    for positions in batches:
        slot = slots.take()
        begun.append((positions, slot))
        for place in range(0, len(positions), PIECE):
            yield _Piece(positions[place : place + PIECE], slot, place)


class _Pieces(Dataset[Problems]):
    """In the processes: decodes a piece into its slot."""

    def __init__(self, paths: Sequence[Path | str], slots: SharedSlots) -> None:
        self.paths, self.slots = paths, slots

    def __getitem__(self, piece: _Piece) -> Problems:
        squares = self.slots.array(piece.slot)[piece.place : piece.place + len(piece.positions)]
        found = [
            _decode(self.paths[at], square)
            for at, square in zip(piece.positions, squares, strict=True)
        ]
        return _problems(piece.positions, found)


def _from_processes(
    decoded: Iterator[Problems], slots: SharedSlots, begun: deque[tuple[range, int]]
) -> Iterator[Batch]:
    try:
        while begun:
            positions, slot = begun[0]
            problems: Problems = {}
            for _ in range(0, len(positions), PIECE):
                problems |= next(decoded)
            begun.popleft()
            yield _batch(positions, slots.lend(slot), problems)
    except RuntimeError as error:
        if not str(error).startswith(DEAD_WORKER):
            raise
        raise WorkbenchError(
            "A process that decoded images was ended from outside.",
            "Start this again; what was done by then is kept.",
        ) from error


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
