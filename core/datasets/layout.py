"""Image files under a folder, and the class and split that their folders name."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile
from pathlib import Path

from core.datasets.columns import Split
from core.errors import MissingError, WorkbenchError
from core.images.decoding import EXTENSIONS

BACKGROUND = "BACKGROUND_Google"
"""Clutter folder of Caltech-101, which is no class."""

CLUTTER = frozenset({"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"})
MAX_DEPTH = 12
"""Folders nested deeper than this are ignored."""

SPLIT_NAMES = {
    "train": Split.TRAIN,
    "training": Split.TRAIN,
    "val": Split.VALIDATION,
    "valid": Split.VALIDATION,
    "validation": Split.VALIDATION,
    "test": Split.TEST,
    "testing": Split.TEST,
}
UNLABELED = "unlabeled"
"""Folder of images without a label in an export."""

PLAIN_NAMES = frozenset({"images", "imgs", "jpegimages", UNLABELED})
"""Folders that hold images without naming a class, such as Tiny-ImageNet's class/images."""


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


FoundFile = tuple[str, int, int]
"""A file named like an image: name, bytes, modification time in ns.

A plain tuple, because there may be millions: Python's garbage collector ignores such tuples."""


@dataclass(frozen=True, slots=True)
class FoundFolder:
    """A folder that directly contains such files."""

    parts: tuple[str, ...]
    """Names of the folders from the root down to this one; () is the root."""

    files: list[FoundFile]


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """How the folders of a root are read; stored with the dataset for rescans."""

    labels: Labels
    """TOP, LEAF or NONE."""

    has_splits: bool = False
    """Whether the first folder names a split."""

    skipped: int = 0
    """Number of folders from the root down that only contain the next one."""

    loose: bool = False
    """Whether images beside class folders belong to the dataset, without a label."""

    def holds(self, parts: tuple[str, ...]) -> bool:
        """Return whether images in the folder `parts` belong to the dataset."""
        return bool(parts) or self.loose or self.labels == Labels.NONE

    def place(self, parts: tuple[str, ...]) -> tuple[str | None, Split | None]:
        """Return class and split of the images in the folder `parts`."""
        names = parts[self.skipped :]
        split = SPLIT_NAMES.get(names[0].lower()) if self.has_splits and names else None
        names = _without_plain(names[1:] if split else names)
        if self.labels == Labels.NONE or not names:
            return None, split
        return readable(names[0] if self.labels == Labels.TOP else names[-1]), split


def existing_folder(path: Path) -> Path:
    """Return the path of a folder, with `~` expanded.

    Raises:
        MissingError: There is no such folder.
    """
    folder = Path(os.path.expanduser(path))  # Path's own raises for "~nobody"
    if os.path.isfile(folder):
        raise MissingError(f"{folder} is a file, not a folder.", "Give the folder that it is in.")
    if not os.path.isdir(folder):  # Also False for invalid names
        raise MissingError(f"There is no folder {folder}.", "Check the path and try again.")
    return folder


def find_files(root: Path, left_out: frozenset[str] = frozenset()) -> list[FoundFolder]:
    """Return the files under `root` that are named like images, by folder, sorted by path.

    Links are not followed; hidden files and files of operating systems are skipped.

    Raises:
        MissingError: `root` is not there or cannot be read.
        WorkbenchError: It contains no images.
    """
    if not root.is_dir():
        raise MissingError(f"There is no folder {root}.", "Check the path and try again.")
    try:
        os.scandir(root).close()
    except OSError as error:
        raise MissingError(
            f"The folder {root} cannot be read.", "Check its permissions and try again."
        ) from error
    folders = list(_walk(os.fspath(root), (), left_out))
    if not folders:
        raise WorkbenchError(
            f"The folder {root} holds no images.",
            f"Give a folder with images ({', '.join(sorted(EXTENSIONS))}) or with class folders.",
        )
    return folders


def recognize(folders: list[FoundFolder], labels: Labels = Labels.AUTO) -> Layout:
    """Return how to read folders: whether they name splits, and which one names the class."""
    places = [folder.parts for folder in folders if folder.parts]
    levels = zip(*(parts[:-1] for parts in places), strict=False)
    skipped = len(list(takewhile(lambda names: len(set(names)) == 1, levels)))
    below = [parts[skipped:] for parts in places]
    tops = {parts[0] for parts in below}
    has_splits = len(tops) >= 2 and all(top.lower() in SPLIT_NAMES for top in tops)
    if labels == Labels.AUTO:
        labels = _which_folder([_without_plain(parts[has_splits:]) for parts in below])
    return Layout(labels=labels, has_splits=has_splits, skipped=skipped)


def _which_folder(places: list[tuple[str, ...]]) -> Labels:
    """Return LEAF if classes are below the top folders, such as animals/cat; else TOP."""
    named = [parts for parts in places if parts]
    if not named:
        return Labels.NONE
    if any(len(parts) == 1 for parts in named):
        return Labels.TOP
    below: dict[str, set[str]] = {}
    for top, second, *_ in named:
        below.setdefault(top, set()).add(second)
    return Labels.LEAF if any(len(names) > 1 for names in below.values()) else Labels.TOP


def _without_plain(parts: tuple[str, ...]) -> tuple[str, ...]:
    return parts[:-1] if parts and parts[-1].lower() in PLAIN_NAMES else parts


def _walk(folder: str, parts: tuple[str, ...], left_out: frozenset[str]) -> Iterator[FoundFolder]:
    """Yield a folder and its subfolders by name; plain strings, because there may be many."""
    files: list[FoundFile] = []
    below: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if _is_image_file(entry):
                    stat = entry.stat(follow_symlinks=False)
                    files.append((entry.name, stat.st_size, stat.st_mtime_ns))
                elif len(parts) < MAX_DEPTH and _is_folder(entry, left_out):
                    below.append(entry.name)
    except OSError:  # No permission, or deleted meanwhile: the rest of the dataset is usable
        pass
    if files:
        yield FoundFolder(parts, sorted(files))
    for name in sorted(below):
        yield from _walk(f"{folder}{os.sep}{name}", (*parts, name), left_out)


def _is_folder(entry: "os.DirEntry[str]", left_out: frozenset[str]) -> bool:
    skipped = entry.name.startswith(".") or entry.name in CLUTTER or entry.name in left_out
    return not skipped and entry.is_dir(follow_symlinks=False)


def _is_image_file(entry: "os.DirEntry[str]") -> bool:
    """Decide by name and type only: pipes, devices and links are never opened."""
    name = entry.name
    name_fits = name.lower().endswith(EXTENSIONS) and name[0] != "."
    return name_fits and entry.is_file(follow_symlinks=False)


def readable(name: str) -> str:
    """Return a name as valid text, with undecodable bytes in hexadecimal."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return os.fsencode(name).decode("utf-8", "backslashreplace")
    return name
