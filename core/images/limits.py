"""Limits of an image file: bytes, pixels, memory, and that its data reach to its end."""

import os
from typing import BinaryIO

from PIL import Image, ImageFile, WebPImagePlugin

from core.errors import UnreadableImageError
from core.images.failures import ends_early, file_too_large, too_large

MAX_FILE_BYTES = 1_000_000_000
"""Largest file that is read; 250 megapixels without compression, in RGB, take 0.75 GB."""

MAX_PIXELS = 250_000_000
"""Enough for phones of 200 megapixels and most panoramas. Large JPEGs are decoded at a reduced
size."""

MEMORY_BYTES = 1 << 30
"""Memory to decode one image: the peak of `open_image`, above what the process takes before."""

SPARE_BYTES = 256 << 20
"""Memory of a decoding process above that, for results and Python's own objects."""

BYTES_PER_PIXEL = {"WEBP": 16, "AVIF": 16, "HEIF": 13, "JPEG2000": 25}
"""Peak memory to decode an image with transparency, measured with Pillow 13 and pillow-heif 1.8."""

GRAY_16_BYTES_PER_PIXEL, GRAY_32_BYTES_PER_PIXEL = 13, 17
"""Peak memory to decode and scale gray levels of 16 and of 32 bits."""

SMALL_PIXELS = MEMORY_BYTES // max(*BYTES_PER_PIXEL.values(), GRAY_32_BYTES_PER_PIXEL)
"""Images of so many pixels, of whatever format, are decoded within the limit."""

FULL_COLOR = 4
"""Bytes of a pixel in Pillow, but for gray levels and palettes of 8 bits."""

MODES_OF_ONE_BYTE = ("1", "L", "P")

NAMES = {"WEBP": "WebP", "JPEG2000": "JPEG 2000", "HEIF": "HEIC"}
"""Names of formats in messages, where they differ from Pillow's."""

UNCOMPRESSED = ("BMP", "TIFF", "PPM")
"""Formats in which a black area may be zeros in the file."""

MOST_BYTES_PER_PIXEL = 16
"""Of an uncompressed image: four channels of 32 bits."""

MAX_SCANNED_PIXELS = 5_000_000_000
"""Most scans × pixels of a JPEG, which take about 1.2 s per thousand million. A usual progressive
file has 10 scans; in a malicious one each of thousands is 10 bytes and a pass over all pixels."""

SCAN_START = b"\xff\xda"
SCAN_START_BYTES = 10
"""Length of the shortest start of a scan: marker, length, one component, three parameters."""

TAIL_BYTES = 4096
EMPTY_FROM = 1 << 16
"""Fewest zeros at the end of a file that are too many: cameras fill up a block of 32 kB."""

PADDED_UP_TO = 1 << 20
"""Fewest zeros that are too many after an image that is whole; also as many as its bytes."""

END_MARKERS = (b"\xff\xd9", b"IEND\xaeB`\x82")
"""How a whole JPEG and a whole PNG end."""

MARKER_BYTES = max(map(len, END_MARKERS))


def check_size(file: BinaryIO, label: str) -> int:
    """Return the size of a file in bytes.

    Raises:
        UnreadableImageError: It is too large.
    """
    num_bytes = file.seek(0, os.SEEK_END)
    if num_bytes > MAX_FILE_BYTES:
        raise file_too_large(label, num_bytes, MAX_FILE_BYTES)
    return num_bytes


def check_pixels(image: ImageFile.ImageFile, kind: str, label: str, scale: int = 1) -> None:
    """Raise an error if an image has too many pixels to decode it within `MEMORY_BYTES`.

    Args:
        image: The image, not decoded yet.
        kind: One of `FORMATS`.
        label: Name of the image.
        scale: Divisor of width and height at which it can be decoded.
    """
    most = MEMORY_BYTES / _bytes_per_pixel(image, kind, scale)
    _check_count(image.width * image.height, most, kind, label)


def check_webp(head: bytes, label: str) -> None:
    """Raise an error if a file is a WebP with too many pixels, by its first bytes.

    To open it would already take memory for all of them.
    """
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        width, height = WebPImagePlugin._get_size(head) or (0, 0)
        _check_count(width * height, MEMORY_BYTES / BYTES_PER_PIXEL["WEBP"], "WEBP", label)


def check_tail(file: BinaryIO, num_bytes: int, kind: str, pixels: int, label: str) -> None:
    """Raise an error if a large part of a file, up to its end, is empty.

    Downloads that were interrupted and sparse files are.
    """
    file.seek(max(0, num_bytes - TAIL_BYTES))
    if file.read(TAIL_BYTES).strip(b"\0"):
        return
    if kind in UNCOMPRESSED and num_bytes <= MOST_BYTES_PER_PIXEL * pixels + EMPTY_FROM:
        return
    end = _end_of_data(file, num_bytes)
    file.seek(max(0, end - MARKER_BYTES))
    is_whole = file.read(min(end, MARKER_BYTES)).endswith(END_MARKERS)
    if num_bytes - end >= (max(end, PADDED_UP_TO) if is_whole else EMPTY_FROM):
        raise ends_early(label, num_bytes, end)


def check_scans(file: BinaryIO, num_bytes: int, pixels: int, label: str) -> None:
    """Raise an error if a small JPEG would take minutes to decode."""
    if num_bytes // SCAN_START_BYTES * pixels <= MAX_SCANNED_PIXELS:
        return
    file.seek(0)
    scans = sum(chunk.count(SCAN_START) for chunk in iter(lambda: file.read(1 << 20), b""))
    if scans * pixels > MAX_SCANNED_PIXELS:
        problem = f"{label} would take too long to decode: it has {scans:,} scans."
        raise UnreadableImageError(problem, "Save it again as an ordinary JPEG.")


def _check_count(pixels: int, most: float, kind: str, label: str) -> None:
    if pixels > min(most, MAX_PIXELS):
        which = f"{NAMES.get(kind, kind)} images" if most < MAX_PIXELS else "images"
        raise too_large(label, pixels, int(min(most, MAX_PIXELS)), which)


def _bytes_per_pixel(image: Image.Image, kind: str, scale: int) -> float:
    """Return the peak memory for each pixel of the original."""
    if kind == "JPEG":
        return FULL_COLOR / scale**2 + _coefficients(image)
    if kind in BYTES_PER_PIXEL:
        return BYTES_PER_PIXEL[kind] / scale**2
    if image.mode.startswith("I;16"):
        return GRAY_16_BYTES_PER_PIXEL
    if image.mode in ("I", "F"):
        return GRAY_32_BYTES_PER_PIXEL
    return 1 if image.mode in MODES_OF_ONE_BYTE else FULL_COLOR


def _coefficients(image: Image.Image) -> float:
    """Return the bytes for each pixel that a progressive JPEG takes at any scale.

    Its 16-bit coefficients are held in memory, as many as samples.
    """
    layers: list[tuple[int, int, int, int]] = getattr(image, "layer", [])
    if not image.info.get("progressive") or not layers:
        return 0
    samples = [horizontal * vertical for _, horizontal, vertical, _ in layers]
    return 2 * sum(samples) / max(1, *samples)


def _end_of_data(file: BinaryIO, num_bytes: int) -> int:
    """Return the position after the last byte that is not zero; 0 if there is none."""
    step = 1 << 20
    for start in range((num_bytes - 1) // step * step, -1, -step):
        file.seek(start)
        if data := file.read(min(step, num_bytes - start)).rstrip(b"\0"):
            return start + len(data)
    return 0
