"""Boxes in pixels, and the size of the image that they are drawn on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.datasets.annotations.annotation import Box
from core.datasets.annotations.geometry import clipped_box
from core.errors import WorkbenchError
from core.images.isolation import read_header

MAX_SIDE = 1e9
"""Largest side of an image and coordinate of a box, in pixels."""

PIXEL_DIGITS = 6
"""Digits after the point of pixels in exports."""

Size = tuple[int, int]
"""Width and height in pixels."""


def pixel_box(label: str, edges: object, size: Size | None) -> Box:
    """Return the box of four numbers in pixels, clipped to the image.

    Args:
        label: Its class.
        edges: Left, top, width and height, if the file is right.
        size: Size of the image; None if it is not known.

    Raises:
        ValueError: It cannot be used; the text says why.
    """
    if not isinstance(edges, list) or len(edges) != 4 or not all(map(_is_usable, edges)):
        raise ValueError("it has no box of four numbers")
    if size is None:
        raise ValueError("its image has no width and height")
    left, top, across, down = map(float, edges)
    width, height = size
    right, bottom = (left + across) / width, (top + down) / height
    box = clipped_box(label, left / width, top / height, right, bottom)
    if box is None or max(across, down) < 1:
        raise ValueError("its box, in pixels, has no area in the image")
    return box


def pixels_of(box: Box, size: Size) -> list[float]:
    """Return left, top, width and height of a box in pixels, as exports write them."""
    width, height = size
    edges = (box.left * width, box.top * height, box.width * width, box.height * height)
    return [round(edge, PIXEL_DIGITS) for edge in edges]


def stated_size(entry: Mapping[str, Any]) -> Size | None:
    """Return the size that an entry of a file gives its image; None if it gives none."""
    width, height = _side(entry.get("width")), _side(entry.get("height"))
    return (width, height) if width and height else None


def read_size(root: Path, path: str) -> Size | None:
    """Return the upright size of an image below `root` from its header; None if it has none."""
    if path.startswith(("/", "..")):
        return None
    try:
        header = read_header(root / path)
    except WorkbenchError:
        return None
    return header.width, header.height


def _side(value: Any) -> int:
    return int(value) if type(value) in (int, float) and 1 <= value <= MAX_SIDE else 0


def _is_usable(value: object) -> bool:
    """Return whether a value is a number, finite and not huge."""
    return type(value) in (int, float) and abs(value) <= MAX_SIDE  # type: ignore[arg-type]
