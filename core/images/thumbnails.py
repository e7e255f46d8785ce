"""Thumbnails: small JPEGs in a cache on disk, by the SHA-256 of the image."""

import base64
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import BytesIO
from pathlib import Path

from PIL import Image

from core.errors import UnreadableImageError
from core.files import write_atomically
from core.images.isolation import make_thumbnail

SIDE = 160
"""Longest side of a thumbnail in a gallery, in pixels."""

BUDGET_BYTES = 2 << 30
"""Largest cache of a dataset: thumbnails of some 300,000 images."""

QUALITY = 80
"""JPEG quality: about 5 kB at 160 pixels; higher values are larger without a visible difference."""

WORKERS = 8
"""Threads that wait for processes to make thumbnails."""

JPEG_START, JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"


def thumbnail(source: Path, cache: Path, key: str, side: int = SIDE) -> bytes:
    """Return the thumbnail of an image as a JPEG, from the cache if it is there.

    `cache` is a folder, made if needed, `key` the SHA-256 of the image's content in hexadecimal,
    `side` the longest side in pixels.

    Raises:
        UnreadableImageError: The image cannot be shown.
    """
    path = _path_of(cache, key, side)
    with suppress(OSError):
        cached = path.read_bytes()
        if cached.startswith(JPEG_START) and cached.endswith(JPEG_END):
            return cached
    jpeg = make_thumbnail(source, side)
    cache_thumbnail(jpeg, cache, key, side)
    return jpeg


def cache_thumbnail(jpeg: bytes, cache: Path, key: str, side: int = SIDE) -> None:
    """Add a thumbnail to the cache; see `thumbnail`."""
    path = _path_of(cache, key, side)
    with suppress(OSError):  # The gallery must work with a full or read-only disk
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, lambda file: file.write(jpeg), durable=False)


def cache_thumbnails(images: Sequence[tuple[Path, str]], cache: Path) -> None:
    """Make the thumbnails that are not in the cache, in parallel.

    `images` has file and SHA-256 of each; unreadable ones are skipped.
    """
    missing = [(source, key) for source, key in images if not _path_of(cache, key, SIDE).exists()]

    def add(image: tuple[Path, str]) -> None:
        with suppress(UnreadableImageError):
            cache_thumbnail(make_thumbnail(image[0], SIDE), cache, image[1])

    if missing:
        with ThreadPoolExecutor(WORKERS) as workers:
            list(workers.map(add, missing))


def trim_thumbnails(cache: Path, budget_bytes: int = BUDGET_BYTES) -> None:
    """Delete the oldest thumbnails until the rest fits the budget; they can be made again."""
    files = [(path.stat(), path) for path in cache.glob("*/*.jpg")]
    excess = sum(stat.st_size for stat, _ in files) - budget_bytes
    for stat, path in sorted(files, key=lambda file: file[0].st_mtime_ns):
        if excess <= 0:
            return
        path.unlink(missing_ok=True)
        excess -= stat.st_size


def _path_of(cache: Path, key: str, side: int) -> Path:
    return cache / key[:2] / f"{key}-{side}.jpg"


def encode_thumbnail(image: Image.Image, side: int = SIDE) -> bytes:
    """Return the image as a JPEG whose longest side is `side` pixels, or its own if shorter."""
    small = image.convert("RGB")
    small.thumbnail((side, side), Image.Resampling.BICUBIC)
    file = BytesIO()
    small.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def data_uri(jpeg: bytes) -> str:
    """Return a JPEG as a data URI, which an `<img>` shows without a request."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
