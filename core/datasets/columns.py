"""Columns of the catalog, and the filters and orders of images by them.

A new column is a field of `ImageRow`; a filter by it a field of `ImageFilter`; an order a member of
`Order`. The table, its upgrades, the reading of files and rows, the SQL of filters, their options
on the command line, their fields in URLs and on the pages, and the tables of exports follow.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from operator import attrgetter
from typing import Annotated, Any, NamedTuple, get_type_hints

from core.datasets.filter_kinds import (
    FILTER,
    AnyOf,
    AnyRelated,
    Condition,
    Contains,
    Filter,
    OneOf,
    Range,
    SqlChoice,
    filtered,
)
from core.images.decoding import ImageHeader

NO_LABEL = NO_SPLIT = ""
"""In a filter: images without a label, in no split."""


class Split(StrEnum):
    """What an image is used for."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A column of the table of images."""

    sql: str
    """Its type and constraints; with NOT NULL and `since` it needs a DEFAULT."""

    since: int = 0
    """First version of the catalog with this column; older catalogs get it when upgraded."""

    exported: str = ""
    """Its type in exported tables: int64, string or bool; empty if it is not exported."""

    read: Callable[[ImageHeader], Any] | None = None
    """Its value from the header of an image file."""


class ImageRow(NamedTuple):
    """One image of a dataset; a tuple, because there may be millions."""

    root: Annotated[int, Column(sql="INTEGER NOT NULL")]
    """Number of the dataset's root that it lies under."""

    path: Annotated[str, Column(sql="TEXT NOT NULL", exported="string")]
    """Path relative to that root, with forward slashes."""

    label: Annotated[str | None, Column(sql="TEXT", exported="string")]
    """Its class: the label given to it, else the name of its class folder; None without either."""

    split: Annotated[str | None, Column(sql="TEXT", exported="string")]
    """A `Split`; None for images without labels and for unreadable files."""

    width: Annotated[
        int, Column(sql="INTEGER NOT NULL", exported="int64", read=attrgetter("width"))
    ]
    """In pixels, upright; 0 for unreadable files."""

    height: Annotated[
        int, Column(sql="INTEGER NOT NULL", exported="int64", read=attrgetter("height"))
    ]
    """In pixels, upright; 0 for unreadable files."""

    size_bytes: Annotated[int, Column(sql="INTEGER NOT NULL", exported="int64")]
    modified_ns: Annotated[int, Column(sql="INTEGER NOT NULL")]
    """When the file was last changed, in nanoseconds since 1970."""

    sha256: Annotated[str, Column(sql="TEXT NOT NULL", exported="string")]
    """SHA-256 of the file's bytes, hexadecimal; of no bytes if it could not be read."""

    excluded: Annotated[int, Column(sql="INTEGER NOT NULL DEFAULT 0", exported="bool")] = 0
    """1 if it is excluded from training and indexes, else 0."""

    problem: Annotated[str | None, Column(sql="TEXT", exported="string")] = None
    """Why the file cannot be used, as a sentence; None for a good image."""

    id: Annotated[int, Column(sql="INTEGER PRIMARY KEY AUTOINCREMENT")] = 0
    """Never reused for another image, even after deletion; 0 before it is in a catalog."""

    added_s: Annotated[int, Column(sql="INTEGER NOT NULL")] = 0
    """When it was added to the catalog, in seconds since 1970."""


_HINTS = get_type_hints(ImageRow, include_extras=True)
ROW_COLUMNS: dict[str, Column] = {name: hint.__metadata__[0] for name, hint in _HINTS.items()}
"""Columns that a row has, in its order."""

COLUMNS: dict[str, Column] = ROW_COLUMNS | {
    "folder_label": Column(sql="TEXT"),  # The class that the image's folder names
    "checked": Column(sql="TEXT"),  # SHA-256 of the content that was last decoded
    "perceptual": Column(sql="BLOB"),  # Its perceptual hash
    "representative": Column(sql="INTEGER"),  # Id of the image that its near-duplicates share
    "representative_bits": Column(sql="INTEGER"),  # Bits in which its hash differs from that one's
}
"""All columns of the table of images."""

SCHEMA_VERSION = max(4, *(column.since for column in COLUMNS.values()))
"""Version of the catalog: 0 is release 0.1.0; 3 has the table of boxes; 4 has indexes that pages of
a million images need, and hashes of blocks."""


class ImageStatus(SqlChoice):
    """Whether an image is used."""

    USABLE = "usable", "problem IS NULL AND excluded = 0", "Included"
    """Readable and not excluded."""

    EXCLUDED = "excluded", "problem IS NULL AND excluded = 1", "Excluded"
    """Readable, but excluded from training and indexes."""

    READABLE = "readable", "problem IS NULL", "All"
    """Usable or excluded."""

    PROBLEM = "problem", "problem IS NOT NULL", "Problems"
    """Not usable, for the reason in its row."""


class Order(SqlChoice):
    """How images are sorted; ties by id, which grows as images are added."""

    ADDED = "added", "id", "Date added"
    NEWEST = "newest", "id DESC", "Newest first"
    NAME = "name", "path, id", "Path"
    CLASS = "class", "label, id", "Class"
    LARGEST = "largest", "size_bytes DESC, id DESC", "Largest file first"
    SMALLEST = "smallest", "size_bytes, id", "Smallest file first"


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageFilter:
    """Which images to select; by default all that are usable.

    An image is selected if every field selects it; a field of several values selects images that
    have any of them.
    """

    labels: tuple[str, ...] = filtered(
        AnyOf(
            column="label",
            option="class",
            label="Class",
            help="Only images of this class; repeat it for several.",
        )
    )
    splits: tuple[str, ...] = filtered(
        AnyOf(
            column="split",
            option="split",
            label="Split",
            help="Only images of this split; repeat it for several.",
            choices=(*Split, NO_SPLIT),
        )
    )
    tags: tuple[str, ...] = filtered(
        AnyRelated(
            table="tags",
            column="tag",
            option="tag",
            label="Tag",
            help="Only images of this tag; repeat it for several.",
        )
    )
    box_labels: tuple[str, ...] = filtered(
        AnyRelated(
            table="boxes",
            column="label",
            option="box",
            label="Box class",
            help="Only images with a box of this class; repeat it for several.",
        )
    )
    text: str = filtered(
        Contains(column="path", option="text", label="Path", help="Part of the path, in any case.")
    )
    side: tuple[int, int] | None = filtered(
        Range(
            expression="MAX(width, height)",
            columns=("width", "height"),
            option="side",
            label="Longest side",
            help="Longest side in pixels.",
            number=int,
            unit="px",
        )
    )
    aspect: tuple[float, float] | None = filtered(
        Range(
            # Rounded, so that even 100,000 images have few different values
            expression="MAX(0.01, ROUND(1.0 * width / height, 2))",
            columns=("width", "height"),
            option="aspect",
            label="Width / height",
            help="Width / height.",
            number=float,
            is_log=True,
        )
    )
    status: ImageStatus = filtered(  # noqa: RUF009 - declares a field
        OneOf(
            default=ImageStatus.USABLE,
            option="show",
            label="Status",
            help="Status of the images; usable ones are included and can be read.",
            choices=tuple(ImageStatus),
        )
    )

    def having(self, **values: Any) -> "ImageFilter":
        """Return the same filter with other values of these fields."""
        return replace(self, **values)

    def where(self, without: Collection[str] = ()) -> Condition:
        """Return the SQL condition of the fields, except those `without`, and its parameters."""
        clauses = [
            kind.condition(value)
            for name, kind in FILTERS.items()
            if name not in without and (value := getattr(self, name))
        ]
        sql = " AND ".join(sql for sql, _ in clauses) or "TRUE"
        return sql, [each for _, of in clauses for each in of]


FILTERS: dict[str, Filter[Any]] = {each.name: each.metadata[FILTER] for each in fields(ImageFilter)}
"""Field of `ImageFilter` → its filter."""

RANGES: dict[str, Range[Any]] = {n: each for n, each in FILTERS.items() if isinstance(each, Range)}
"""Those of `FILTERS` that are ranges of a number."""

ALL_IMAGES = ImageFilter()
