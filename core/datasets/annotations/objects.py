"""Boxes in a table: the column `objects` of Hugging Face's metadata, in pixels, with their classes.

It is `{"bbox": [[left, top, width, height], …], "categories": ["cat", …]}`, or a list with an
object for each box. Classes are names, or numbers, which stay numbers.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from core.datasets.annotations.annotation import Box
from core.datasets.annotations.pixels import Size, pixel_box, pixels_of
from core.datasets.annotations.roles import read_label

OBJECTS, BOXES, CLASSES = "objects", "bbox", "categories"
CLASS_KEYS = (CLASSES, "category", "labels", "label")
"""Keys of the classes, the surest first."""


def has_objects(value: object) -> bool:
    """Return whether a value of the column has any boxes."""
    boxes = value.get(BOXES) if isinstance(value, Mapping) else value
    return bool(boxes)


def read_objects(value: object, size: Size | None) -> tuple[Box, ...]:
    """Return the boxes that a value of the column lists, equal ones once.

    Args:
        value: The value.
        size: Width and height in pixels of the image.

    Raises:
        ValueError: A box cannot be used; the text says why.
    """
    boxes: list[Box] = []
    for label, edges in _pairs(value):
        name = read_label(label)
        if name is None:
            raise ValueError("a box has no class")
        boxes.append(pixel_box(name, edges, size))
    return tuple(dict.fromkeys(boxes))


def as_objects(boxes: Sequence[Box], size: Size) -> dict[str, Any]:
    """Return boxes as a value of the column, for an image of a size in pixels."""
    return {
        BOXES: [pixels_of(box, size) for box in boxes],
        CLASSES: [box.label for box in boxes],
    }


def _pairs(value: object) -> list[tuple[object, object]]:
    """Return (class, edges) of each box."""
    if isinstance(value, list) and all(isinstance(each, Mapping) for each in value):
        return [(_classes(each), each.get(BOXES)) for each in value]
    boxes = value.get(BOXES) if isinstance(value, Mapping) else None
    classes = _classes(value) if isinstance(value, Mapping) else None
    if not isinstance(boxes, list) or not isinstance(classes, list) or len(boxes) != len(classes):
        raise ValueError(f"its {OBJECTS} need one of {CLASSES} for each {BOXES}")
    return list(zip(classes, boxes, strict=True))


def _classes(value: Mapping[str, object]) -> object:
    return next((value[key] for key in CLASS_KEYS if value.get(key) is not None), None)
