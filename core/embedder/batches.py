"""Decoding many images ahead of whoever reads them, batch by batch.

Shapes, in this file: B images, S pixels a side.
"""

import os
import shutil
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from core.cropping import Crop, open_cropped
from core.embedder.devices import choose_device
from core.embedder.preprocess import to_square
from core.errors import UnreadableImageError, WorkbenchError
from core.images import open_image

DECODERS = min(8, os.cpu_count() or 1)
"""Threads that decode; Pillow works outside Python's lock, so they use that many cores."""

BATCHES_AHEAD = 3

PROCESSES = os.cpu_count() or 1
PROCESSES_FROM = 1024
"""Images for which processes are worth their start."""

DEAD_WORKER = "DataLoader worker"
"""How torch begins to say that one has died; what one raised is said as itself."""

SHARED_MEMORY = Path("/dev/shm")

Decoded = NDArray[np.uint8] | str
"""(3, S, S) pixels, or why there are none."""

Sent = tuple[list[int], Tensor, dict[int, str]]
"""The parts of a `Batch`, on their way from a process."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some of the images, decoded; those that could not be are left out."""

    positions: NDArray[np.int64]
    """(B,) where each stood in the list that was asked for."""

    pixels: NDArray[np.uint8]
    """(B, 3, S, S)."""

    problems: dict[int, str]
    """Position → reason, for each image that could not be decoded."""


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

    Threads do it, or processes where a graphics card reads more than threads can decode. Processes
    begin at once, threads with the first batch that is asked for.
    """
    decode = by_processes if _wants_processes(len(paths), side, batch_size) else by_threads
    return decode(paths, side, batch_size)


def _wants_processes(count: int, side: int, batch_size: int) -> bool:
    """Say whether they are worth their start, and have the shared memory for what they decode."""
    if choose_device().name != "cuda" or count < PROCESSES_FROM or not SHARED_MEMORY.is_dir():
        return False
    in_flight = 2 * PROCESSES * batch_size * 3 * side * side
    return shutil.disk_usage(SHARED_MEMORY).free >= in_flight


def by_threads(paths: Sequence[Path | str], side: int, batch_size: int) -> Iterator[Batch]:
    """Decode as `decode_batches` says, on threads."""
    with ThreadPoolExecutor(DECODERS) as decoders:
        waiting: deque[tuple[range, list[Future[Decoded]]]] = deque()
        try:
            for start in range(0, len(paths), batch_size):
                positions = range(start, min(start + batch_size, len(paths)))
                jobs = [decoders.submit(_try_load, paths[at], side) for at in positions]
                waiting.append((positions, jobs))
                if len(waiting) > BATCHES_AHEAD:
                    yield _finished(*waiting.popleft(), side)
            while waiting:
                yield _finished(*waiting.popleft(), side)
        finally:
            decoders.shutdown(cancel_futures=True)


def _finished(positions: range, jobs: list[Future[Decoded]], side: int) -> Batch:
    return _collect([(at, job.result()) for at, job in zip(positions, jobs, strict=True)], side)


def by_processes(paths: Sequence[Path | str], side: int, batch_size: int) -> Iterator[Batch]:
    """Decode as `decode_batches` says, in processes: one lock less than threads have.

    Raises:
        WorkbenchError: One of them was ended from outside.
    """
    loader = DataLoader(
        _Squares(paths, side),
        batch_size=batch_size,
        collate_fn=partial(_to_send, side=side),
        num_workers=PROCESSES,
        prefetch_factor=1,
        multiprocessing_context="fork",  # At once, and nothing is pickled on the way there
    )
    return _from_processes(iter(loader))


def _from_processes(decoded: Iterator[Sent]) -> Iterator[Batch]:
    try:
        for positions, pixels, problems in decoded:
            yield Batch(np.array(positions, np.int64), pixels.numpy(), problems)
    except RuntimeError as error:
        if not str(error).startswith(DEAD_WORKER):
            raise
        raise WorkbenchError(
            "A process that decoded images was ended from outside.",
            "Start this again; what was done by then is kept.",
        ) from error


class _Squares(Dataset[tuple[int, Decoded]]):
    def __init__(self, paths: Sequence[Path | str], side: int) -> None:
        self.paths, self.side = paths, side

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, at: int) -> tuple[int, Decoded]:
        return at, _try_load(self.paths[at], self.side)


def _to_send(decoded: list[tuple[int, Decoded]], side: int) -> Sent:
    """Collect a batch; its pixels go to the other process by shared memory, which costs 2 ms."""
    batch = _collect(decoded, side)
    return batch.positions.tolist(), torch.from_numpy(batch.pixels), batch.problems


def _try_load(path: Path | str, side: int) -> Decoded:
    try:
        return load_square(Path(path), side)
    except UnreadableImageError as error:
        return error.problem


def _collect(decoded: list[tuple[int, Decoded]], side: int) -> Batch:
    good, pixels, problems = [], [], {}
    for position, result in decoded:
        if isinstance(result, str):
            problems[position] = result
        else:
            good.append(position)
            pixels.append(result)
    stacked = np.stack(pixels) if pixels else np.empty((0, 3, side, side), np.uint8)
    return Batch(np.array(good, np.int64), stacked, problems)
