"""Decoding of untrusted image files: an upright RGB image, or an error that explains the problem.

Color profiles are ignored: sRGB is assumed.
"""

import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageFile

from core.errors import UnreadableImageError
from core.images.failures import (
    COPY_AGAIN,
    FAILURES,
    MAX_PIXELS,
    USE_SUPPORTED_FORMAT,
    explain_failure,
    too_large,
)

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
"""Formats that Pillow may decode: an EPS named .jpg would start Ghostscript.

MPO files of phones are JPEGs with more images after the first; Pillow's JPEG reader decodes them,
and "MPO" in this list would be a KeyError."""

EXTENSIONS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng"),
    *(".webp", ".bmp", ".gif", ".tif", ".tiff"),
)
"""Suffixes of files in `FORMATS`, in lower case."""

MAX_SCANNED_PIXELS = 2_000_000_000
"""Most scans × pixels of a JPEG, which take about 1.2 s per thousand million. A usual progressive
file has 10 scans; in a malicious one each of thousands is 10 bytes and a pass over all pixels."""

SCAN_START = b"\xff\xda"
SCAN_START_BYTES = 10
"""Length of the shortest start of a scan: marker, length, one component, three parameters."""

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
# Pillow prints warnings on stderr; those that matter are raised as errors below. `catch_warnings`
# around each call would change the filters of all threads.
warnings.filterwarnings("ignore", module=r"PIL\.")


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """Size and format of an image, read without decoding it."""

    width: int
    """Pixels of the upright image."""

    height: int
    """Pixels of the upright image."""
    format: str
    """One of `FORMATS`."""


def read_header(source: Path | BinaryIO, *, name: str | None = None) -> ImageHeader:
    """Read the size and format of an image without decoding it.

    Raises:
        UnreadableImageError: `source` is not an image, not supported, or too large. Damage after
            the header is found only by `open_image`.
    """
    with _opened(source, name) as image:
        width, height = image.size
        if _orientation(image) >= 5:
            width, height = height, width
        return ImageHeader(width, height, _format(image))


def open_image(
    source: Path | BinaryIO, *, name: str | None = None, min_side: int | None = None
) -> Image.Image:
    """Decode an image: upright, RGB, transparent parts over white, the first frame of an animation.

    Args:
        source: A file, or a seekable stream, which stays open.
        name: Name in error messages; the name of the file by default.
        min_side: Smallest short side, in pixels. Large JPEGs are decoded, much faster, at a half, a
            quarter or an eighth of their size, but not smaller than this.

    Raises:
        UnreadableImageError: `source` is not an image, damaged, too large or missing.
    """
    with _opened(source, name, to_decode=True) as image:
        orientation = _orientation(image)
        if min_side is not None:
            image.draft(None, (min_side, min_side))
        image.load()
        decoded = _to_rgb(image)
    if orientation in UPRIGHT:
        decoded = decoded.transpose(UPRIGHT[orientation])
    decoded.info = {}  # Other code would apply the orientation again
    return decoded


@contextmanager
def _opened(
    source: Path | BinaryIO, name: str | None, *, to_decode: bool = False
) -> Iterator[ImageFile.ImageFile]:
    """Provide the image with its header read and checked; explain any failure."""
    label, head = _label(source, name), b""
    try:
        with _open_regular(source, label) if isinstance(source, Path) else nullcontext(source) as f:
            f.seek(0)
            head = f.read(HEAD_BYTES)
            if not head:
                raise UnreadableImageError(f"{label} is empty.", COPY_AGAIN)
            with Image.open(f, formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise too_large(label, image.width * image.height)
                if to_decode and _format(image) == "JPEG":
                    _check_scans(f, image.width * image.height, label)
                yield image
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


def _label(source: Path | BinaryIO, name: str | None) -> str:
    """Return a name for `source` in error messages, in encodable characters."""
    if name is None:
        own = getattr(source, "name", None)
        name = (Path(own).name if isinstance(own, str) else "") or "This image"
    return name.encode(errors="backslashreplace").decode()


def _check_scans(file: BinaryIO, pixels: int, label: str) -> None:
    """Raise an error if a small JPEG would take minutes to decode."""
    if file.seek(0, os.SEEK_END) // SCAN_START_BYTES * pixels <= MAX_SCANNED_PIXELS:
        return
    file.seek(0)
    scans = sum(chunk.count(SCAN_START) for chunk in iter(lambda: file.read(1 << 20), b""))
    if scans * pixels > MAX_SCANNED_PIXELS:
        problem = f"{label} would take too long to decode: it has {scans:,} scans."
        raise UnreadableImageError(problem, "Save it again as an ordinary JPEG.")


def _format(image: Image.Image) -> str:
    return "JPEG" if image.format == "MPO" else str(image.format)


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


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _deep_gray(image).convert("RGB")
    if image.mode == "La":  # Premultiplied; Pillow converts it to LA only
        image = image.convert("LA")
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    flattened = Image.new("RGB", image.size, "white")
    flattened.paste(layer, mask=layer)
    return flattened


def _deep_gray(image: Image.Image) -> Image.Image:
    """Scale gray levels of 12, 16 or 32 bits to 8 bits; Pillow's own conversion clips at 255.

    Unsigned 12 and 16 bits and floats in 0..1 keep their full range; others are stretched from the
    smallest to the largest value, because their white level is unknown.
    """
    tags = getattr(image, "tag_v2", {})
    levels = np.asarray(image)  # (H, W), uint16, int32 or float32
    if image.mode == "I" and tags.get(ExifTags.Base.SampleFormat, (1,)) == (1,):
        levels = levels.view(np.uint32)
    if levels.dtype.itemsize == 2:
        low, high = 0.0, 2.0 ** tags.get(ExifTags.Base.BitsPerSample, (16,))[0] - 1
    else:
        low, high = _range(levels, usual=1.0 if image.mode == "F" else 65535.0)
    if tags.get(ExifTags.Base.PhotometricInterpretation) == 0:  # "white is zero"
        low, high = high, low
    gray = levels.astype(np.float32)
    with np.errstate(all="ignore"):  # In place: copies of 65 million pixels would take 1.5 GB
        gray -= low
        gray *= 255 / (high - low) if high != low else 0
        np.nan_to_num(gray, copy=False, nan=0, posinf=255, neginf=0)
    np.rint(gray.clip(0, 255, out=gray), out=gray)
    return Image.fromarray(gray.astype(np.uint8))


def _range(levels: npt.NDArray[Any], usual: float) -> tuple[float, float]:
    """Return the black and white levels: 0 and `usual` if all values fit, else the extremes."""
    finite = np.isfinite(levels)
    if not finite.any():
        return 0.0, usual
    least, greatest = (float(extreme(levels[finite])) for extreme in (np.min, np.max))
    return (0.0, usual) if least >= 0 and greatest <= usual else (least, greatest)
