"""What a decoding process does with one image: the functions of `isolation.py` on the other side.

A task gets a file, or a stream with a name, and options; it returns facts, as JSON can hold them,
and bytes.
"""

import mmap
import os
from base64 import b64encode
from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from core.images.cropping import Crop, open_cropped
from core.images.decoding import open_image, read_header
from core.images.hashing import perceptual_hash
from core.images.squares import square_image
from core.images.thumbnails import encode_thumbnail

Facts: TypeAlias = dict[str, Any]
Source: TypeAlias = Path | BinaryIO


def header(source: Source, name: str) -> tuple[Facts, bytes]:
    """Return the header."""
    read = read_header(source, name=name)
    return asdict(read), b""


def check(source: Source, name: str) -> tuple[Facts, bytes]:
    """Decode the image, and return its header."""
    open_image(source, name=name, min_side=1)
    return header(source, name)


def thumbnail(source: Source, name: str, crop: dict[str, Any], side: int) -> tuple[Facts, bytes]:
    """Return the thumbnail of a crop as JPEG."""
    image = open_cropped(source, Crop(**crop), name=name, min_side=side)
    return {}, encode_thumbnail(image, side)


def verify(source: Source, name: str, side: int) -> tuple[Facts, bytes]:
    """Return the perceptual hash of an image, in base64, and its thumbnail as JPEG."""
    image = open_image(source, name=name, min_side=side)
    hashed = perceptual_hash(image)
    return {"hash": b64encode(hashed).decode() if hashed else None}, encode_thumbnail(image, side)


def square(
    source: Source, name: str, crop: dict[str, Any], side: int, interpolation: str, fit: str
) -> tuple[Facts, bytes]:
    """Return the pixels of a crop, scaled to a square: (S, S, 3) uint8."""
    image = open_cropped(source, Crop(**crop), name=name, min_side=side)
    return {}, square_image(image, side, interpolation, fit).tobytes()


def fill_square(
    source: Source,
    name: str,
    place: int,
    memory: str,
    inode: int,
    side: int,
    interpolation: str,
    fit: str,
) -> tuple[Facts, bytes]:
    """Write the pixels of an image, scaled to a square, at position `place` of shared memory."""
    image = open_image(source, name=name, min_side=side)
    pixels = square_image(image, side, interpolation, fit).tobytes()
    _mapped(memory, inode)[place : place + len(pixels)] = pixels
    return {}, b""


@lru_cache(maxsize=2)
def _mapped(memory: str, inode: int) -> mmap.mmap:
    """Map a file of shared memory; the inode tells it from an earlier one of the same name."""
    handle = os.open(memory, os.O_RDWR)
    try:
        return mmap.mmap(handle, 0)
    finally:
        os.close(handle)


Task: TypeAlias = Callable[..., tuple[Facts, bytes]]

TASKS: dict[str, Task] = {
    task.__name__: task for task in (header, check, thumbnail, verify, square, fill_square)
}
