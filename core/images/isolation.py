"""Images, decoded in processes that may crash, hang or use up their memory: the way to any image.

Each function waits for a free process of the pool and takes about as long as decoding in this one.

Shapes, in this file: S pixels a side.
"""

import os
from base64 import b64decode
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from core.errors import UnfetchedImageError, WorkbenchError
from core.images import decoding
from core.images.cropping import WHOLE, Crop
from core.images.decoder_process import Item, Reply
from core.images.decoding import HEAD_BYTES, ImageHeader
from core.images.formats import PARSED_IN_PYTHON
from core.images.process_pool import shared_pool
from core.net.object_cache import hold
from core.net.object_paths import name_of

AHEAD_BYTES = 32 << 20
"""Most bytes of a file that the system is asked to read ahead."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SquareOptions:
    """How images become squares: the arguments of `squares.square_image`."""

    side: int
    """S."""

    interpolation: str
    fit: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedMemory:
    """A file of shared memory that squares are written into."""

    path: str
    inode: int


@dataclass(frozen=True, slots=True)
class VerifiedImage:
    """An image that was decoded."""

    thumbnail: bytes
    """JPEG."""

    perceptual: bytes | None
    """See `hashing.perceptual_hash`."""


def check_image(source: Path | BinaryIO, *, name: str | None = None) -> ImageHeader:
    """Decode an image and return its header.

    Raises:
        UnreadableImageError: It cannot be decoded.
    """
    return ImageHeader(**_run("check", source, name).facts)


def read_header(source: Path | BinaryIO, *, name: str | None = None) -> ImageHeader:
    """Return the size and format of an image; see `decoding.read_header`.

    Formats whose header Pillow parses in Python are read in this process, which is faster.

    Raises:
        UnreadableImageError: It is not an image, not supported, or too large.
    """
    if not isinstance(source, Path):
        source.seek(0)
        if PARSED_IN_PYTHON.match(source.read(HEAD_BYTES)):
            return decoding.read_header(source, name=name)
    return ImageHeader(**_run("header", source, name).facts)


def make_thumbnail(
    source: Path | BinaryIO, side: int, *, crop: Crop = WHOLE, name: str | None = None
) -> bytes:
    """Return the crop of an image as a JPEG whose longest side has at most `side` pixels.

    Raises:
        UnreadableImageError: It cannot be decoded.
        WorkbenchError: The crop has too few pixels.
    """
    return _run("thumbnail", source, name, crop=asdict(crop), side=side).payload


def verify_image(path: Path, side: int) -> VerifiedImage:
    """Decode an image, and return its perceptual hash and its thumbnail of `side` pixels.

    Raises:
        UnreadableImageError: It cannot be decoded.
    """
    reply = _run("verify", path, None, side=side)
    hashed = reply.facts["hash"]
    return VerifiedImage(reply.payload, None if hashed is None else b64decode(hashed))


def load_square(
    source: Path | BinaryIO, options: SquareOptions, *, crop: Crop = WHOLE, name: str | None = None
) -> NDArray[np.uint8]:
    """Decode a crop of an image and scale it to a square: (S, S, 3) uint8.

    Raises:
        UnreadableImageError: It cannot be decoded.
        WorkbenchError: The crop has too few pixels.
    """
    reply = _run("square", source, name, crop=asdict(crop), **asdict(options))
    pixels = np.frombuffer(bytearray(reply.payload), np.uint8)  # Writable, as torch wants it
    return pixels.reshape(options.side, options.side, 3)


def load_squares(
    paths: Sequence[Path], options: SquareOptions, memory: SharedMemory, offset: int
) -> list[WorkbenchError | None]:
    """Decode images in one process and write their squares one after the other into memory.

    Args:
        paths: The images.
        options: How they become squares.
        memory: Where they are written.
        offset: Position of the first one in bytes.

    Returns:
        Why it was not decoded, for each image.

    Raises:
        UnreachableStoreError: A server of images is away or refuses the credentials.
    """
    size = 3 * options.side**2
    with hold(paths) as held:
        items = []
        for at, (path, file) in enumerate(zip(paths, held, strict=True)):
            if isinstance(file, Path):
                _read_ahead(file)
                items.append(_item(file, name_of(path)) | {"place": offset + at * size})
        replies = iter(
            shared_pool().run(
                "fill_square",
                items,
                {"memory": memory.path, "inode": memory.inode} | asdict(options),
            )
        )
        return [next(replies).error if isinstance(file, Path) else file for file in held]


def num_processes() -> int:
    """Return how many images are decoded at once."""
    return shared_pool().count


def limit_processes(count: int) -> None:
    """Decode at most `count` images at once, as other processes share the cores."""
    shared_pool().limit(count)


def _run(task: str, source: Path | BinaryIO, name: str | None, **options: Any) -> Reply:
    if isinstance(source, Path):
        with hold([source]) as [file]:
            if isinstance(file, UnfetchedImageError):
                raise file
            _read_ahead(file)
            [reply] = shared_pool().run(task, [_item(file, name or name_of(source))], options)
    else:
        source.seek(0)
        item = {"path": None, "name": name or "This image"}
        [reply] = shared_pool().run(task, [item], options, source.read())
    return reply.checked()


def _item(path: Path, name: str) -> Item:
    return {"path": str(path.absolute()), "name": name}


def _read_ahead(path: Path) -> None:
    """Have the system read a file while this thread waits for a process.

    A network disk answers many requests at once, and there is only one process a core.
    """
    if hasattr(os, "posix_fadvise"):
        with suppress(OSError, ValueError):
            handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # A pipe must not block
            try:
                os.posix_fadvise(handle, 0, AHEAD_BYTES, os.POSIX_FADV_WILLNEED)
            finally:
                os.close(handle)
