"""Decoding many images ahead of whoever reads them, batch by batch.

Shapes, in this file: B images, S pixels a side.
"""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from core.cropping import Crop, open_cropped
from core.embedder.preprocess import to_square
from core.errors import UnreadableImageError
from core.images import open_image

DECODERS = min(8, os.cpu_count() or 1)
"""Threads that decode; Pillow works outside Python's lock, so they use that many cores."""

BATCHES_AHEAD = 3


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


def decode_batches(paths: Sequence[Path], side: int, batch_size: int) -> Iterator[Batch]:
    """Decode images in order, a few batches ahead of the reader."""
    with ThreadPoolExecutor(DECODERS) as decoders:
        waiting: deque[tuple[range, list[Future[NDArray[np.uint8] | str]]]] = deque()
        try:
            for start in range(0, len(paths), batch_size):
                positions = range(start, min(start + batch_size, len(paths)))
                jobs = [decoders.submit(_try_load, paths[at], side) for at in positions]
                waiting.append((positions, jobs))
                if len(waiting) > BATCHES_AHEAD:
                    yield _collect(*waiting.popleft(), side)
            while waiting:
                yield _collect(*waiting.popleft(), side)
        finally:
            decoders.shutdown(cancel_futures=True)


def _try_load(path: Path, side: int) -> NDArray[np.uint8] | str:
    try:
        return load_square(path, side)
    except UnreadableImageError as error:
        return error.problem


def _collect(positions: range, jobs: list[Future[NDArray[np.uint8] | str]], side: int) -> Batch:
    good, pixels, problems = [], [], {}
    for position, job in zip(positions, jobs, strict=True):
        result = job.result()
        if isinstance(result, str):
            problems[position] = result
        else:
            good.append(position)
            pixels.append(result)
    stacked = np.stack(pixels) if pixels else np.empty((0, 3, side, side), np.uint8)
    return Batch(np.array(good, np.int64), stacked, problems)
