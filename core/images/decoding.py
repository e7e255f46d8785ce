"""Decoding of untrusted image files: an upright sRGB image, or an error that explains the problem.

It happens in the process of the caller, which a decoder may crash; `isolation.py` calls it in
processes of their own.
"""

import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from math import ceil, sqrt
from pathlib import Path
from typing import BinaryIO

import pillow_heif
from PIL import AvifImagePlugin, ExifTags, Image, ImageFile, Jpeg2KImagePlugin

from core.errors import UnreadableImageError
from core.images.colors import reduced, to_rgb
from core.images.failures import (
    COPY_AGAIN,
    FAILURES,
    USE_SUPPORTED_FORMAT,
    explain_failure,
    raw_file,
)
from core.images.formats import FORMATS, RAW, kind_of_name
from core.images.limits import (
    MAX_PIXELS,
    SMALL_PIXELS,
    check_pixels,
    check_scans,
    check_size,
    check_tail,
    check_webp,
)
from core.images.scales import scales_of

LARGE_PIXELS = {"JPEG": 65_000_000}
LARGE_PIXELS_OF_OTHERS = 25_000_000
"""Images with more pixels are reduced to at most as many while they are decoded."""

MAX_DIVISOR = 8

DNG_VERSION = 50706
"""Tag of a TIFF that is a raw file in Adobe's format."""

HEAD_BYTES = 512
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation → the operation that makes an image upright."""

# Load all plugins now: Pillow loads them at the first WebP, which may be in several threads.
Image.init()
# One thread a process: there is a process for each core
pillow_heif.register_heif_opener(decode_threads=1, thumbnails=False)
AvifImagePlugin.DEFAULT_MAX_THREADS = 1
# Pillow prints warnings on stderr; those that matter are raised as errors below. `catch_warnings`
# around each call would change the filters of all threads.
warnings.filterwarnings("ignore", module=r"PIL\.")
Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2  # Pillow raises an error at twice as many


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """Size and format of an image, read without decoding it."""

    width: int
    """Pixels of the upright image."""

    height: int
    """Pixels of the upright image."""
    format: str
    """One of `FORMATS`."""

    orientation: int = 1
    """EXIF orientation, 1 to 8: how the stored pixels become the upright image."""


def read_header(source: Path | BinaryIO, *, name: str | None = None) -> ImageHeader:
    """Read the size and format of an image without decoding it.

    Raises:
        UnreadableImageError: `source` is not an image, not supported, or too large. Damage after
            the header is found only by `open_image`.
    """
    with _opened(source, name) as (image, _):
        width, height = image.size
        orientation = _orientation(image)
        if orientation >= 5:
            width, height = height, width
        return ImageHeader(width, height, _format(image), orientation)


def open_image(
    source: Path | BinaryIO, *, name: str | None = None, min_side: int | None = None
) -> Image.Image:
    """Decode an image: upright, sRGB, transparent parts over white, the first frame of several.

    Images of more than 25 megapixels, 65 as JPEG, are reduced to at most as many.

    Args:
        source: A file, or a seekable stream, which stays open.
        name: Name in error messages; the name of the file by default.
        min_side: Smallest short side, in pixels. Large JPEGs are decoded, much faster, at a half, a
            quarter or an eighth of their size, but not smaller than this; so are JPEG 2000 and very
            large images of other formats.

    Raises:
        UnreadableImageError: `source` is not an image, damaged, too large or missing.
    """
    with _opened(source, name, to_decode=True) as (image, scales):
        orientation = _orientation(image)
        _draft(image, _scale(image, scales, min_side))
        image.load()
        divisor = _divisor(image, min_side)
        decoded = to_rgb(reduced(image, divisor) if divisor > 1 else image)
    if orientation in UPRIGHT:
        decoded = decoded.transpose(UPRIGHT[orientation])
    decoded.info = {}  # Other code would apply the orientation again
    return decoded


@contextmanager
def _opened(
    source: Path | BinaryIO, name: str | None, *, to_decode: bool = False
) -> Iterator[tuple[ImageFile.ImageFile, tuple[int, ...]]]:
    """Provide an image with its header read and checked; explain any failure.

    With it come the divisors of its sides at which it can be decoded.
    """
    label, head = label_of(source, name), b""
    try:
        with _open_regular(source, label) if isinstance(source, Path) else nullcontext(source) as f:
            num_bytes = check_size(f, label)
            f.seek(0)
            head = f.read(HEAD_BYTES)
            if not head:
                raise UnreadableImageError(f"{label} is empty.", COPY_AGAIN)
            check_webp(head, label)
            f.seek(0)
            with Image.open(f, formats=FORMATS) as image:
                position, kind, pixels = f.tell(), _format(image), image.width * image.height
                _check_kind(image, label)
                scales = scales_of(f, kind, label)
                if pixels > SMALL_PIXELS:
                    check_pixels(image, kind, label, _scale(image, scales))
                check_tail(f, num_bytes, kind, pixels, label)
                if to_decode and kind == "JPEG":
                    check_scans(f, num_bytes, pixels, label)
                f.seek(position)
                yield image, scales
    except FAILURES as error:
        raise explain_failure(error, label, head) from error


def _open_regular(path: Path, label: str) -> BinaryIO:
    """Open a regular file; reading others could block or never end."""
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise UnreadableImageError(f"{label} is a folder, not an image.", USE_SUPPORTED_FORMAT)
    if not stat.S_ISREG(mode):
        problem = f"{label} is a pipe, socket or device, not an image."
        raise UnreadableImageError(problem, USE_SUPPORTED_FORMAT)
    return path.open("rb")  # Given a path, Pillow maps the file, which can end in SIGBUS


def label_of(source: Path | BinaryIO, name: str | None = None) -> str:
    """Return a name for `source` in error messages, in encodable characters."""
    if name is None:
        own = source if isinstance(source, Path) else getattr(source, "name", None)
        name = (Path(own).name if isinstance(own, str | Path) else "") or "This image"
    return name.encode(errors="backslashreplace").decode()


def _check_kind(image: Image.Image, label: str) -> None:
    """Raise an error if a TIFF is a raw file: its first frame is a tiny preview."""
    tags = getattr(image, "tag_v2", {})
    if image.format == "TIFF" and (DNG_VERSION in tags or kind_of_name(label) == RAW):
        raise raw_file(label)


def _format(image: Image.Image) -> str:
    return "JPEG" if image.format == "MPO" else str(image.format)


def _needed(image: Image.Image) -> float:
    """Return by how much to divide the sides of an image at least, because it is large."""
    most = LARGE_PIXELS.get(_format(image), LARGE_PIXELS_OF_OTHERS)
    return sqrt(image.width * image.height / most)


def _scale(image: Image.Image, scales: tuple[int, ...], min_side: int | None = None) -> int:
    """Return by how much to divide the sides while decoding."""
    by_side = min(image.size) // min_side if min_side else 1
    enough = next((scale for scale in scales if scale >= _needed(image)), scales[-1])
    return max(enough, *(scale for scale in scales if scale <= max(1, by_side)))


def _draft(image: ImageFile.ImageFile, scale: int) -> None:
    """Have an image decoded with its sides divided by `scale`."""
    if scale > 1 and isinstance(image, Jpeg2KImagePlugin.Jpeg2KImageFile):
        image.reduce = scale.bit_length() - 1
    elif scale > 1:
        image.draft(None, (image.width // scale, image.height // scale))


def _divisor(image: Image.Image, min_side: int | None) -> int:
    """Return by how much to divide the sides of a decoded image; 1 unless it is large."""
    if (needed := _needed(image)) <= 1:
        return 1
    by_side = min(image.size) // min_side if min_side else 1
    return max(ceil(needed), min(by_side, MAX_DIVISOR))


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 if it is missing or invalid.

    It is 1 for TIFF, which Pillow rotates itself. In PNG only a tag before the pixels counts, as in
    browsers: reading a later one would decode the image.
    """
    if image.format == "TIFF" or (image.format == "PNG" and "exif" not in image.info):
        return 1
    try:
        value = image.getexif().get(ExifTags.Base.Orientation)
    except FAILURES:  # An image with damaged tags can be read
        return 1
    return value if isinstance(value, int) and value in UPRIGHT else 1
