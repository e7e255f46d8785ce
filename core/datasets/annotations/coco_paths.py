"""Paths of images in COCO files: `file_name` is relative to a folder that is not named there."""

import os
import posixpath
import re
from collections.abc import Sequence
from pathlib import Path

TRIED = 5
"""Images that are looked for in each folder."""


def path_prefix(root: Path, file: Path, names: Sequence[str]) -> str:
    """Return the folder, relative to `root`, that the file names of a COCO file are relative to.

    It is one of: the file's folder; `root`; `images`, `data` or `train2017` for
    `instances_train2017.json`, in either of them or beside the file's folder.

    Args:
        root: Folder of the dataset.
        file: The COCO file.
        names: Its file names.

    Returns:
        The folder with forward slashes, "" for `root` itself or if no image is found.
    """
    tried = [name for name in names[:: max(len(names) // TRIED, 1)][:TRIED] if name]
    for folder in _folders(root, file):
        if tried and all(os.path.isfile(root / plain_path(folder, name)) for name in tried):
            return folder
    return ""


def plain_path(folder: str, name: str) -> str:
    """Return a file name below a folder, with forward slashes and without `.` and `..`."""
    return posixpath.normpath(posixpath.join(folder, name.replace("\\", "/")))


def _folders(root: Path, file: Path) -> list[str]:
    near = [file.parent, file.parent.parent] if file.parent != root else [file.parent]
    below = [_below(root, folder) for folder in near if folder.is_relative_to(root)]
    starts = list(dict.fromkeys((*below, "")))
    # instances_train2017 → train2017, train
    words = re.split(r"[_.]", file.stem)
    parts = [word for word in (*words, *(re.sub(r"\d+$", "", word) for word in words)) if word]
    inner = ["", *parts, "images", "data", *(f"images/{part}" for part in parts)]
    return list(dict.fromkeys(posixpath.join(a, b).rstrip("/") for b in inner for a in starts))


def _below(root: Path, folder: Path) -> str:
    return "" if folder == root else folder.relative_to(root).as_posix()
