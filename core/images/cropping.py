"""Cutting out the part of a picture that is meant, turned upright. Choosing it is not its business.

Its frame is the picture after its quarter turns. Under a fine angle the picture is also turned
about the frame's middle, and enlarged until it covers the frame again, so that no corner is empty.
"""

from dataclasses import dataclass
from math import ceil, cos, radians, sin
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from core.errors import WorkbenchError
from core.images.decoding import open_image, read_header

MIN_SIDE = 8
"""Pixels of the original that a crop has at least, each way: below it nothing can be recognized."""

MAX_ANGLE = 45.0
"""Degrees; what is beyond is nearer to the next quarter turn."""

QUARTER_TURNS = {
    1: Image.Transpose.ROTATE_270,  # Pillow counts counterclockwise
    2: Image.Transpose.ROTATE_180,
    3: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Crop:
    """A part of a picture, as fractions of its frame. The default is the whole of it, as it is.

    Raises:
        ValueError: The edges are not 0 <= left < right <= 1 and 0 <= top < bottom <= 1, or the
            turns or the angle are out of range.
    """

    left: float = 0.0
    """Left edge, in [0, 1]."""

    top: float = 0.0
    """Upper edge, in [0, 1]."""

    right: float = 1.0
    """Right edge, in [0, 1]."""

    bottom: float = 1.0
    """Lower edge, in [0, 1]."""

    turns: int = 0
    """Quarter turns of the picture, clockwise, 0 to 3."""

    angle: float = 0.0
    """Degrees by which it is turned beside that, clockwise, in [-45, 45]."""

    def __post_init__(self) -> None:
        for low, high in ((self.left, self.right), (self.top, self.bottom)):
            if not 0 <= low < high <= 1:  # false with a NaN too
                raise ValueError(f"a crop's edges must ascend within 0..1, got {low} and {high}")
        if self.turns not in range(4):
            raise ValueError(f"turns must be in 0..3, got {self.turns}")
        if not abs(self.angle) <= MAX_ANGLE:
            raise ValueError(f"angle must be in -{MAX_ANGLE}..{MAX_ANGLE}, got {self.angle}")

    @property
    def is_whole(self) -> bool:
        """Whether it changes nothing."""
        return self == WHOLE

    @property
    def key(self) -> str:
        """Names it in a cache, beside its picture; empty if it changes nothing."""
        if self.is_whole:
            return ""
        edges = (self.left, self.top, self.right, self.bottom, self.angle)
        return " ".join([str(self.turns), *(f"{value:.6g}" for value in edges)])

    def size_within(self, width: int, height: int) -> tuple[int, int]:
        """Return the crop's width and height in pixels, for a picture of that size."""
        left, top, right, bottom = _box(width, height, self)
        return right - left, bottom - top


WHOLE = Crop()


def crop_image(image: Image.Image, crop: Crop) -> Image.Image:
    """Cut out a crop; the crop of all is the image itself.

    Args:
        image: Upright RGB, in full size.
        crop: What to cut out.

    Raises:
        WorkbenchError: The crop has fewer than 8 pixels a side.
    """
    _refuse_specks(crop, *image.size)
    return _cut(image, crop)


def open_cropped(
    source: Path | BinaryIO, crop: Crop, *, name: str | None = None, min_side: int | None = None
) -> Image.Image:
    """Return the crop of a picture, as `open_image` returns the whole: upright, RGB.

    Args:
        source: A file, or a stream that can seek; the stream stays open.
        crop: What to cut out.
        name: What error messages call it; the file's own name if left out.
        min_side: The short side that is needed of the crop, in pixels. A large JPEG is decoded in a
            smaller size only if its crop still has as many; never smaller than this.

    Raises:
        UnreadableImageError: `source` is not an image, damaged, too large or not there any more.
        WorkbenchError: The crop has fewer than 8 pixels a side of the original.
    """
    if crop.is_whole:
        return open_image(source, name=name, min_side=min_side)
    header = read_header(source, name=name)
    _refuse_specks(crop, header.width, header.height)
    if min_side is not None:
        size = crop.size_within(header.width, header.height)
        # One more, for the edges are rounded to the pixels that are decoded
        min_side = ceil((min_side + 1) * min(header.width, header.height) / min(size))
    return _cut(open_image(source, name=name, min_side=min_side), crop)


def _cut(image: Image.Image, crop: Crop) -> Image.Image:
    if crop.is_whole:
        return image
    box = _box(image.width, image.height, crop)
    if crop.turns:
        image = image.transpose(QUARTER_TURNS[crop.turns])
    return _straightened(image, box, crop.angle) if crop.angle else image.crop(box)


def _straightened(image: Image.Image, box: tuple[int, int, int, int], angle: float) -> Image.Image:
    """Cut a box out of the image turned about its middle; only the box's pixels are computed."""
    left, top, right, bottom = box
    middle_x, middle_y = image.width / 2, image.height / 2
    x, y = left - middle_x, top - middle_y
    c, s = cos(radians(angle)), sin(radians(angle))
    # Where each pixel of the box comes from: turned back, that is counterclockwise
    source = (c, s, c * x + s * y + middle_x, -s, c, c * y - s * x + middle_y)
    size = (right - left, bottom - top)
    return image.transform(size, Image.Transform.AFFINE, source, Image.Resampling.BICUBIC)


def _box(width: int, height: int, crop: Crop) -> tuple[int, int, int, int]:
    """Return the edges in pixels of the turned picture: left, top, right, bottom."""
    if crop.turns % 2:
        width, height = height, width
    zoom = _zoom(width, height, crop.angle)
    left, right = _stretch(width, zoom, crop.left, crop.right)
    top, bottom = _stretch(height, zoom, crop.top, crop.bottom)
    return left, top, right, bottom


def _stretch(length: int, zoom: float, low: float, high: float) -> tuple[int, int]:
    """Return the pixels at two fractions of the middle stretch of `length`, at least one apart."""
    kept = length / zoom
    margin = (length - kept) / 2
    first, last = (round(margin + fraction * kept) for fraction in (low, high))
    first = min(first, length - 1)
    return first, max(last, first + 1)


def _zoom(width: int, height: int, angle: float) -> float:
    """Return how much a frame's picture is enlarged, to cover it when turned by `angle`.

    In the picture's own axes the frame's corners lie at (±w cos ± h sin, ±h cos ± w sin) / 2; they
    are within a picture of (z w, z h) from z = cos + sin * (the long side) / (the short one) on.
    """
    tilt = abs(radians(angle))
    return cos(tilt) + sin(tilt) * max(width, height) / min(width, height)


def _refuse_specks(crop: Crop, width: int, height: int) -> None:
    """Raise if a crop has too few pixels; a picture's own smallness is no fault of its crop."""
    across, down = crop.size_within(width, height)
    if min(across, down) >= min(MIN_SIDE, width, height):
        return
    raise WorkbenchError(
        f"The crop is {across} × {down} pixels, too few to recognize anything in.",
        f"Choose one of at least {MIN_SIDE} × {MIN_SIDE} pixels.",
    )
