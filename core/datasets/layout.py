"""Finding the image files under a folder, and the class of each."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.errors import MissingError, WorkbenchError
from core.images import EXTENSIONS

BACKGROUND = "BACKGROUND_Google"
"""Caltech-101's clutter folder: pictures of nothing in particular, so not a category."""

CLUTTER = frozenset({"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"})
MAX_DEPTH = 12
"""Folders nested deeper than this are not looked into."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that may be an image."""

    path: str
    """Relative to the root, with forward slashes; undecodable bytes shown as \\xNN."""

    label: str | None
    """The top folder it lies in; None for a flat folder."""

    readable_name: bool
    """False when the file's name is not valid UTF-8."""


def find_candidates(root: Path, left_out: frozenset[str] = frozenset()) -> list[Candidate]:
    """List the files under `root` that look like images, sorted by path.

    With folders below the root, the first folder names the class; files lying in the root itself
    are then left alone. Without folders, the images have no labels. Links are not followed;
    hidden files and what systems leave behind are skipped.

    Raises:
        MissingError: `root` is not there or cannot be read.
        WorkbenchError: No image lies in it.
    """
    if not root.is_dir():
        raise MissingError(f"There is no folder {root}.", "Check the path and try again.")
    try:
        entries = list(os.scandir(root))
    except OSError as error:
        raise MissingError(
            f"The folder {root} cannot be read.", "Check its permissions and try again."
        ) from error
    nested = [
        Candidate(*found)
        for entry in entries
        if _is_class_folder(entry, left_out)
        for found in _walk(Path(entry.path), root, entry.name)
    ]
    if nested:
        return sorted(nested, key=lambda candidate: candidate.path)
    flat = [
        Candidate(*_describe(Path(entry.path), root, None))
        for entry in entries
        if _is_image_file(entry)
    ]
    if not flat:
        raise WorkbenchError(
            f"The folder {root} holds no images.",
            f"Give a folder with images ({', '.join(sorted(EXTENSIONS))}) or with class folders.",
        )
    return sorted(flat, key=lambda candidate: candidate.path)


def _is_class_folder(entry: os.DirEntry[str], left_out: frozenset[str]) -> bool:
    skipped = entry.name.startswith(".") or entry.name in CLUTTER or entry.name in left_out
    return not skipped and entry.is_dir(follow_symlinks=False)


def _is_image_file(entry: os.DirEntry[str]) -> bool:
    """Tell by name and kind only: pipes, devices and links are never opened."""
    name_fits = Path(entry.name).suffix.lower() in EXTENSIONS and not entry.name.startswith(".")
    return name_fits and entry.is_file(follow_symlinks=False)


def _walk(
    folder: Path, root: Path, label: str, depth: int = 1
) -> Iterator[tuple[str, str | None, bool]]:
    try:
        entries = list(os.scandir(folder))
    except OSError:  # No permission, or gone meanwhile: the rest of the dataset is still good
        return
    for entry in entries:
        if _is_image_file(entry):
            yield _describe(Path(entry.path), root, label)
        elif depth < MAX_DEPTH and _is_class_folder(entry, frozenset()):
            yield from _walk(Path(entry.path), root, label, depth + 1)


def _describe(path: Path, root: Path, label: str | None) -> tuple[str, str | None, bool]:
    relative = path.relative_to(root).as_posix()
    shown = os.fsencode(relative).decode("utf-8", "backslashreplace")
    shown_label = None if label is None else os.fsencode(label).decode("utf-8", "backslashreplace")
    return shown, shown_label, shown == relative
