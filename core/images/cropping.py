"""Cropping and rotation of images.

The frame of a crop is the image after its quarter turns. With an angle, the image is also rotated
about the center of the frame and enlarged until it covers the frame, so that no corner is empty.
"""

from dataclasses import dataclass
from math import ceil, cos, radians, sin
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from core.errors import WorkbenchError
from core.images.decoding import open_image, read_header

MIN_SIDE = 8
"""Fewest pixels of the original in each direction: in fewer, nothing can be recognized."""

MAX_ANGLE = 45.0
"""Degrees; larger angles are nearer to the next quarter turn."""

QUARTER_TURNS = {
    1: Image.Transpose.ROTATE_270,  # Pillow counts counterclockwise
    2: Image.Transpose.ROTATE_180,
    3: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Crop:
    """A part of an image, in fractions of its frame. The default is the unchanged image.

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
    """Quarter turns of the image, clockwise, 0 to 3."""

    angle: float = 0.0
    """Degrees of further rotation, clockwise, in [-45, 45]."""

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
        """Whether it leaves the image unchanged."""
        return self == WHOLE

    @property
    def key(self) -> str:
        """Its part of a cache key; empty if it leaves the image unchanged."""
        if self.is_whole:
            return ""
        edges = (self.left, self.top, self.right, self.bottom, self.angle)
        return " ".join([str(self.turns), *(f"{value:.6g}" for value in edges)])

    def size_within(self, width: int, height: int) -> tuple[int, int]:
        """Return the width and height of the crop in pixels, for an image of this size."""
        left, top, right, bottom = _box(width, height, self)
        return right - left, bottom - top


WHOLE = Crop()


def crop_image(image: Image.Image, crop: Crop) -> Image.Image:
    """Return the crop of an upright RGB image: the image itself if it is left unchanged.

    Raises:
        WorkbenchError: The crop has fewer than 8 pixels a side, unless the image itself has.
    """
    if crop.is_whole:
        return image
    across, down = crop.size_within(*image.size)
    if min(across, down) < min(MIN_SIDE, *image.size):
        raise WorkbenchError(
            f"The crop is {across} × {down} pixels, which is too small.",
            f"Select at least {MIN_SIDE} × {MIN_SIDE} pixels.",
        )
    box = _box(image.width, image.height, crop)
    if crop.turns:
        image = image.transpose(QUARTER_TURNS[crop.turns])
    return _rotated_box(image, box, crop.angle) if crop.angle else image.crop(box)


def open_cropped(
    source: Path | BinaryIO, crop: Crop, *, name: str | None = None, min_side: int | None = None
) -> Image.Image:
    """Open an image with `open_image` and return its crop: upright, RGB.

    `source` and `name` are as there. `min_side` is the smallest short side of the crop, in pixels:
    a large JPEG is decoded at a reduced size only if the crop still has this many.

    Raises:
        UnreadableImageError: `source` is not an image, damaged, too large or missing.
        WorkbenchError: The crop has fewer than 8 pixels a side of the original.
    """
    if crop.is_whole:
        return open_image(source, name=name, min_side=min_side)
    if min_side is not None:
        header = read_header(source, name=name)
        size = crop.size_within(header.width, header.height)
        # One more, because the edges are rounded to decoded pixels
        min_side = ceil((min_side + 1) * min(header.width, header.height) / min(size))
    return crop_image(open_image(source, name=name, min_side=min_side), crop)


def _rotated_box(image: Image.Image, box: tuple[int, int, int, int], angle: float) -> Image.Image:
    """Return a box of the image rotated about its center; only its pixels are computed."""
    left, top, right, bottom = box
    center_x, center_y = image.width / 2, image.height / 2
    x, y = left - center_x, top - center_y
    c, s = cos(radians(angle)), sin(radians(angle))
    # From a pixel of the box to its source: the inverse rotation, counterclockwise
    source = (c, s, c * x + s * y + center_x, -s, c, c * y - s * x + center_y)
    size = (right - left, bottom - top)
    return image.transform(size, Image.Transform.AFFINE, source, Image.Resampling.BICUBIC)


def _box(width: int, height: int, crop: Crop) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom in pixels of the image after its quarter turns."""
    if crop.turns % 2:
        width, height = height, width
    # The enlargement with which the rotated image covers its frame. In the axes of the image, the
    # corners of the frame are at (±w cos ± h sin, ±h cos ± w sin) / 2; they are within an image of
    # (z w, z h) from z = cos + sin * (long side) / (short side) on.
    tilt = abs(radians(crop.angle))
    zoom = cos(tilt) + sin(tilt) * max(width, height) / min(width, height)
    left, right = _edges(width, zoom, crop.left, crop.right)
    top, bottom = _edges(height, zoom, crop.top, crop.bottom)
    return left, top, right, bottom


def _edges(length: int, zoom: float, low: float, high: float) -> tuple[int, int]:
    """Return the pixels at two fractions of the central part of `length`, at least one apart."""
    part = length / zoom
    margin = (length - part) / 2
    first, last = (round(margin + fraction * part) for fraction in (low, high))
    first = min(first, length - 1)
    return first, max(last, first + 1)
