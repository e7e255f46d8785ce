"""Which images are meant, and in which order: the state of a view, as SQL. No query is run here."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any

NO_LABEL = ""
"""In `labels`: images without a label."""

NO_SPLIT = ""
"""In `splits`: images in no split."""


class ImageStatus(StrEnum):
    """Whether an image takes part."""

    USABLE = "usable"
    """It can be read and is not excluded."""

    EXCLUDED = "excluded"
    """It can be read, but somebody took it out of training and indexes."""

    PROBLEM = "problem"
    """It cannot be used, for the reason in its row."""

    READABLE = "readable"
    """Usable or excluded."""


STATUS_SQL = {
    ImageStatus.USABLE: "problem IS NULL AND excluded = 0",
    ImageStatus.EXCLUDED: "problem IS NULL AND excluded = 1",
    ImageStatus.PROBLEM: "problem IS NOT NULL",
    ImageStatus.READABLE: "problem IS NULL",
}


class Order(StrEnum):
    """How images are sorted; ties by id."""

    ADDED = "added"
    NAME = "name"
    CLASS = "class"
    LARGEST = "largest"
    SMALLEST = "smallest"
    NEWEST = "newest"


ORDER_SQL = {
    Order.ADDED: "id",
    Order.NAME: "path, id",
    Order.CLASS: "label, id",
    Order.LARGEST: "size_bytes DESC, id DESC",
    Order.SMALLEST: "size_bytes, id",
    Order.NEWEST: "id DESC",
}
"""Ids grow as images are added, so they are the order of that too."""


SIDE_SQL = "MAX(width, height)"
ASPECT_SQL = "MAX(0.01, ROUND(1.0 * width / height, 2))"
"""Rounded, so that even 100,000 images have few different values."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageFilter:
    """Which images are meant; the default means all that are usable.

    Within one field any value will do, and every field that is set must hold.
    """

    labels: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    text: str = ""
    """Part of the path, in any case."""

    side: tuple[int, int] | None = None
    """Least and greatest longest side, in pixels, both included."""

    aspect: tuple[float, float] | None = None
    """Least and greatest width / height, both included; of images it is rounded to 0.01."""

    status: ImageStatus = ImageStatus.USABLE

    def having(self, **fields: Any) -> "ImageFilter":
        """Return the same filter with other values of these fields."""
        return replace(self, **fields)

    def where(self) -> tuple[str, list[object]]:
        """Return the SQL condition and its parameters."""
        conditions = [STATUS_SQL[self.status]]
        parameters: list[object] = []
        for column, values in (("label", self.labels), ("split", self.splits)):
            if values:
                conditions.append(f"IFNULL({column}, '') IN ({_marks(values)})")
                parameters += values
        if self.tags:
            tagged = f"SELECT image_id FROM tags WHERE tag IN ({_marks(self.tags)})"
            conditions.append(f"id IN ({tagged})")
            parameters += self.tags
        if self.text:
            conditions.append("path LIKE ? ESCAPE '\\'")
            parameters.append(f"%{_literal(self.text)}%")
        if self.side:
            conditions.append(f"{SIDE_SQL} BETWEEN ? AND ?")
            parameters += self.side
        if self.aspect:
            conditions.append(f"{ASPECT_SQL} BETWEEN ? AND ?")
            parameters += self.aspect
        return " AND ".join(conditions), parameters


ALL_IMAGES = ImageFilter()


def as_arguments(images: ImageFilter, order: Order = Order.ADDED) -> list[str]:
    """Return the command-line options that mean these images in this order, as one word each."""
    return [*usable_as_arguments(images), f"--show={images.status}", f"--sort={order}"]


def usable_as_arguments(images: ImageFilter) -> list[str]:
    """Return the options for a verb that takes usable images only and does not sort them."""
    several = {"class": images.labels, "split": images.splits, "tag": images.tags}
    options = [f"--{name}={value}" for name, values in several.items() for value in values]
    if images.text:
        options.append(f"--text={images.text}")
    if images.side:
        options.append(f"--side={images.side[0]}-{images.side[1]}")
    if images.aspect:
        options.append(f"--aspect={images.aspect[0]:.9f}-{images.aspect[1]:.9f}")
    return options


def as_settings(images: ImageFilter) -> dict[str, Any]:
    """Return what differs from all usable images, as plain JSON for a manifest."""
    return {
        field.name: list(value) if isinstance(value, tuple) else str(value)
        for field in fields(images)
        if (value := getattr(images, field.name)) != field.default
    }


def read_settings(settings: Mapping[str, Any]) -> ImageFilter:
    """Return the filter of which `as_settings` made these."""
    plain: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()
    }
    return ImageFilter(**plain)


def read_range(text: str) -> tuple[float, float] | None:
    """Read LOW-HIGH as `as_arguments` writes it; None from an empty text.

    Raises:
        ValueError: It is not a range, or reaches below 0.
    """
    low, _, high = text.partition("-")
    try:
        limits = (float(low), float(high)) if text else None
    except ValueError:
        limits = (1.0, 0.0)
    if limits and not 0 <= limits[0] <= limits[1] < float("inf"):
        raise ValueError(f"“{text}” is no range; write LOW-HIGH, such as 64-1024")
    return limits


def _marks(values: tuple[str, ...]) -> str:
    return ", ".join("?" * len(values))


def _literal(text: str) -> str:
    """Take from LIKE's signs their meaning."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
