"""How the folders of a source are read: class and split of each image by the folders it is in.

`recognition.py` finds the layout of a tree; `file_search.py` finds its files.
"""

import os
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from core.datasets.annotations.file_names import NO_ANNOTATIONS
from core.datasets.annotations.roles import Columns, Role
from core.datasets.columns import Split
from core.datasets.folder_names import PLAIN_NAMES, Use, key_of
from core.options import from_json

BACKGROUND = "BACKGROUND_Google"
"""Clutter folder of Caltech-101, which is no class."""

MAX_DEPTH = 12
"""Folders nested deeper than this are not imported."""

OLD_SPLITS = {
    **{"train": Use.TRAIN, "training": Use.TRAIN, "test": Use.TEST, "testing": Use.TEST},
    **dict.fromkeys(("val", "valid", "validation"), Use.VALIDATION),
}
"""Names of splits of layouts before version 3, which do not list their own."""


class Labels(StrEnum):
    """Which folder names an image's class."""

    AUTO = "auto"
    """The top folder if classes are at the top, else the folder with the image."""

    TOP = "top"
    """The first folder below the root, or below the folder of a split."""

    LEAF = "leaf"
    """The folder with the image."""

    NONE = "none"
    """None: the images have no labels."""


class Place(NamedTuple):
    """What a reading says about the images of a folder."""

    label: str | None
    split: Split | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """How a source is to be read, where that differs from what is recognized."""

    labels: Labels = Labels.AUTO
    """Which folder names the class."""

    folders: tuple[tuple[str, Use], ...] = ()
    """Name → use of folders at the level of the splits."""

    loose: bool = True
    """Whether images beside class folders are imported, without a label."""

    links: bool = True
    """Whether links are followed."""

    keep_background: bool = False
    """Whether Caltech-101's BACKGROUND_Google is a class."""

    encoding: str = ""
    """Encoding of the names in a zip that are not marked as UTF-8; empty: it is detected."""

    annotations: str = ""
    """Path of the annotation file, relative to the root; empty: what is recognized, unless `labels`
    names folders; `NO_ANNOTATIONS`: none."""

    columns: Columns = ()
    """Columns of the annotation file, where they have unusual names."""

    pattern: str = ""
    """Pattern of file names that contain the class; empty: they do not."""

    def __post_init__(self) -> None:
        """Check that labels have one source."""
        if self.pattern and self.annotations not in ("", NO_ANNOTATIONS):
            raise ValueError("pattern and annotations exclude each other")


AS_RECOGNIZED = Reading()


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """How the folders of a root are read; stored with the dataset for rescans."""

    labels: Labels
    """TOP, LEAF or NONE."""

    skipped: int = 0
    """Number of folders from the root down that only contain the next one."""

    wrappers: frozenset[str] = frozenset()
    """Paths of further folders that say nothing, such as one that repeats its parent's name."""

    splits: tuple[tuple[str, Use], ...] = ()
    """Key of a folder's name (`key_of`) → use of its images."""

    split_level: int = 0
    """Number of folders above those of `splits`, without skipped ones and wrappers."""

    loose: bool = True
    """Whether images beside class folders belong to the dataset, without a label."""

    links: bool = False
    """Whether links are followed."""

    annotations: tuple[str, ...] = ()
    """Paths of the annotation files, relative to the root; what they say replaces what folders
    say."""

    columns: Columns = ()
    """Columns of the annotation files that were chosen."""

    pattern: str = ""
    """Pattern of file names that contain the class."""

    @property
    def is_annotated(self) -> bool:
        """Whether labels come from annotation files or file names."""
        return bool(self.annotations or self.pattern)

    @property
    def has_splits(self) -> bool:
        """Whether folders name splits."""
        return any(use.as_split for _, use in self.splits)

    def names_of(self, parts: tuple[str, ...]) -> tuple[str, ...]:
        """Return the names of the folders from the root down that say something."""
        if not self.wrappers:
            return parts[self.skipped :]
        return tuple(
            name
            for depth, name in enumerate(parts)
            if depth >= self.skipped and "/".join(parts[: depth + 1]) not in self.wrappers
        )

    def use_of(self, parts: tuple[str, ...]) -> Use | None:
        """Return the use of the folder of a split that `parts` lead through; None without one."""
        names = self.names_of(parts)
        if not self.splits or len(names) <= self.split_level:
            return None
        return dict(self.splits).get(key_of(readable(names[self.split_level])))

    def holds(self, parts: tuple[str, ...]) -> bool:
        """Return whether images in the folder `parts` belong to the dataset."""
        use = self.use_of(parts)
        if use == Use.SKIP:
            return False
        is_loose = use is None and not self.names_of(parts)
        return self.loose or not is_loose or self.labels == Labels.NONE

    def place(self, parts: tuple[str, ...]) -> Place:
        """Return class and split of the images in the folder `parts`."""
        names, use = self.names_of(parts), self.use_of(parts)
        if use == Use.UNLABELED:
            return Place(None, None)
        if use is not None and use != Use.CLASS:
            names = names[: self.split_level] + names[self.split_level + 1 :]
        names = without_plain(names)
        split = use.as_split if use else None
        if self.labels == Labels.NONE or not names:
            return Place(None, split)
        return Place(class_of(names[0] if self.labels == Labels.TOP else names[-1]), split)


def describe_layout(layout: Layout) -> dict[str, Any]:
    """Return a layout as JSON."""
    return asdict(layout) | {
        "splits": dict(layout.splits),
        "wrappers": sorted(layout.wrappers),
        "columns": dict(layout.columns),
    }


def read_layout(described: Mapping[str, Any]) -> Layout:
    """Return a layout from JSON, also from that of an earlier version.

    Raises:
        ValueError, TypeError, KeyError: It is damaged.
    """
    fields = dict(described) | {"labels": Labels(described["labels"])}
    if "splits" not in fields:  # Before version 3
        has_splits = fields.pop("has_splits", False)
        # Images in a folder that is skipped were imported, those at the root were not
        loose = fields.get("loose", False) or bool(fields.get("skipped"))
        splits = _pairs(OLD_SPLITS if has_splits else {})
        return from_json(Layout, fields | {"loose": loose, "splits": splits})
    named = {str(name): Use(use) for name, use in fields["splits"].items()}
    wrappers = frozenset(map(str, fields["wrappers"]))
    fields |= {"splits": _pairs(named), "wrappers": wrappers}
    if "annotations" in fields:  # From version 4 on
        fields["annotations"] = tuple(map(str, fields["annotations"]))
        columns = fields["columns"].items()
        fields["columns"] = tuple((Role(role), str(name)) for role, name in columns)
    return from_json(Layout, fields)


def _pairs(splits: Mapping[str, Use]) -> tuple[tuple[str, Use], ...]:
    return tuple(splits.items())


def class_of(name: str) -> str:
    """Return the class that a folder's name means: as text, in Unicode's composed form (NFC)."""
    return unicodedata.normalize("NFC", readable(name))


def without_plain(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names without a last one that holds images but names no class."""
    return parts[:-1] if parts and parts[-1].lower() in PLAIN_NAMES else parts


def readable(name: str) -> str:
    """Return a name as valid text, with undecodable bytes in hexadecimal."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return os.fsencode(name).decode("utf-8", "backslashreplace")
    return name
