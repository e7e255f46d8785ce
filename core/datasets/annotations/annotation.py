"""What an annotation file says about an image, whatever its format."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from core.datasets.columns import Split


class Box(NamedTuple):
    """A labeled box, in fractions of the width and height of the upright image, 0 to 1."""

    label: str
    left: float
    top: float
    width: float
    height: float


class Annotation(NamedTuple):
    """What is known about an image."""

    label: str | None = None
    """Its class; None if it has none."""

    split: Split | None = None
    tags: tuple[str, ...] = ()
    boxes: tuple[Box, ...] = ()
    size: tuple[int, int] | None = None
    """Width and height in pixels of the image that the boxes were drawn on, if the file says so;
    `geometry.upright_boxes` compares it with the upright image."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Annotations:
    """What the annotation files of a source say."""

    images: Mapping[str, Annotation]
    """Path of the image, relative to the root or as the file has it → its annotation.

    `matching.py` finds the images that the paths mean.
    """

    problems: tuple[str, ...] = ()
    """Sentences about lines that cannot be used, at most `MAX_PROBLEMS`."""

    num_problems: int = 0
    """Number of all such lines."""

    notes: tuple[str, ...] = ()
    """Sentences about what was assumed, such as the encoding."""

    parts: tuple[str, ...] = ()
    """Paths, relative to the root, of other files that belong to the one that was read."""


MAX_PROBLEMS = 100
