"""Boxes of annotation files: clipping, EXIF orientation, and the class that they give an image."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from math import isfinite

from core.datasets.annotations.annotation import Annotation, Box
from core.images.cropping import MIN_SIDE, Crop

LEAST_SIDE = 1e-9
"""Narrower boxes, as a fraction of the image, have no area."""


def clipped_box(label: str, left: float, top: float, right: float, bottom: float) -> Box | None:
    """Return the part of a box that is in the image; None if it has no area there.

    Args:
        label: Its class.
        left: Left edge, as a fraction of the image's width; also outside 0 to 1.
        top: Upper edge, as a fraction of its height.
        right: Right edge.
        bottom: Lower edge.
    """
    if not all(map(isfinite, (left, top, right, bottom))):
        return None
    left, top = max(left, 0.0), max(top, 0.0)
    width, height = min(right, 1.0) - left, min(bottom, 1.0) - top
    return Box(label, left, top, width, height) if min(width, height) > LEAST_SIDE else None


def main_label(boxes: Sequence[Box]) -> str | None:
    """Return the class of an image with these boxes: the one whose boxes have the largest area.

    The areas of its boxes are added up, also where they overlap. Of equal ones the class with more
    boxes counts, then the first by name. None without boxes.
    """
    areas: defaultdict[str, float] = defaultdict(float)
    counts: defaultdict[str, int] = defaultdict(int)
    for box in boxes:
        areas[box.label] += box.width * box.height
        counts[box.label] += 1
    ranked = sorted(areas, key=lambda label: (-round(areas[label], 9), -counts[label], label))
    return ranked[0] if ranked else None


def upright_boxes(
    annotation: Annotation, width: int, height: int, orientation: Callable[[], int]
) -> tuple[Box, ...]:
    """Return the boxes of an image in fractions of the upright image.

    A file that gives the size of an image says so whether its pixels are those of the upright image
    or those stored before the EXIF orientation: only the latter have width and height exchanged. A
    size that fits both, or neither, counts as upright, as labeling tools and browsers show images.

    Args:
        annotation: What the file says.
        width: Pixels of the upright image.
        height: Pixels of the upright image.
        orientation: Returns the EXIF orientation of the file; called only if it matters.
    """
    if width == height or annotation.size != (height, width) or not annotation.boxes:
        return annotation.boxes
    number = orientation()
    return tuple(_turned(box, number) for box in annotation.boxes)


def crop_of(box: Box) -> Crop:
    """Return the crop of an upright image that shows a box of it."""
    right, bottom = min(box.left + box.width, 1.0), min(box.top + box.height, 1.0)
    return Crop(left=box.left, top=box.top, right=right, bottom=bottom)


def searchable_crops(boxes: Sequence[Box], width: int, height: int) -> dict[int, Crop]:
    """Return the crops of the boxes that have enough pixels to search by: place of the box → crop.

    Args:
        boxes: Boxes of an image.
        width: Pixels of the upright image.
        height: Pixels of the upright image.
    """
    crops = {place: crop_of(box) for place, box in enumerate(boxes)}
    return {
        place: crop
        for place, crop in crops.items()
        if min(crop.size_within(width, height)) >= MIN_SIDE
    }


def _turned(box: Box, orientation: int) -> Box:
    """Return a box of the stored image as one of the upright image, for orientations 5 to 8."""
    label, left, top, width, height = box
    right, bottom = 1 - left - width, 1 - top - height  # Distances from the opposite edges
    corners = {5: (top, left), 6: (bottom, left), 7: (bottom, right), 8: (top, right)}
    if orientation not in corners:
        return box
    turned_left, turned_top = corners[orientation]
    return Box(label, max(turned_left, 0.0), max(turned_top, 0.0), height, width)
