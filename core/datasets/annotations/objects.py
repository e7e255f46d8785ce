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


def entries_of(value: object) -> list[tuple[object, object]]:
    """Return (class, edges) of each box that a value of the column lists.

    Any other value, such as text, has none: not every column of that name lists boxes.

    Raises:
        ValueError: The classes of its boxes are missing.
    """
    if isinstance(value, list):
        return [(_classes(each), each.get(BOXES)) for each in value if isinstance(each, Mapping)]
    boxes = value.get(BOXES) if isinstance(value, Mapping) else None
    if not isinstance(value, Mapping) or not boxes:
        return []
    classes = _classes(value)
    if not isinstance(boxes, list) or not isinstance(classes, list) or len(boxes) != len(classes):
        raise ValueError(f"`{OBJECTS}` needs a class for each {BOXES}")
    return list(zip(classes, boxes, strict=True))


def read_box(label: object, edges: object, size: Size | None) -> Box:
    """Return the box of an entry in an image of a size in pixels.

    Raises:
        ValueError: It cannot be used; the text says why.
    """
    name = read_label(label)
    if name is None:
        raise ValueError("a box has no class")
    return pixel_box(name, edges, size)


def as_objects(boxes: Sequence[Box], size: Size) -> dict[str, Any]:
    """Return boxes as a value of the column, for an image of a size in pixels."""
    return {
        BOXES: [pixels_of(box, size) for box in boxes],
        CLASSES: [box.label for box in boxes],
    }


def _classes(value: Mapping[str, object]) -> object:
    return next((value[key] for key in CLASS_KEYS if value.get(key) is not None), None)
