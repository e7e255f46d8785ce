"""Recognition of YOLO datasets by their `data.yaml`, or by names of classes beside labels."""

import os
import re
from pathlib import Path

from core.datasets.annotations.yolo_config import CLASSES, text_of
from core.errors import WorkbenchError

NAMES = re.compile(r"^names\s*:", re.MULTILINE)
OTHERS = re.compile(r"^(nc|path|train|val|valid|test)\s*:", re.MULTILINE)

MAX_FOLDERS = 16
"""Most folders beside a file of names that are looked into."""

MAX_TEXTS = 50
"""Most files of each that are opened: labels of images without boxes are empty."""

OTHER_TEXTS = ("classes.txt", "train.txt", "val.txt", "valid.txt", "test.txt")
"""Texts in such datasets that are no labels."""


def recognizes(file: Path) -> bool:
    """Return whether a file is a YOLO data.yaml, or a classes.txt with files of labels near it."""
    if file.name.lower() in CLASSES:
        return _has_labels_near(file)
    if file.suffix.lower() not in (".yaml", ".yml"):
        return False
    try:
        text = text_of(file)
    except WorkbenchError:
        return False
    return bool(NAMES.search(text) and OTHERS.search(text))


def _has_labels_near(file: Path) -> bool:
    """Return whether files of labels are beside a file of names or in a folder beside it.

    They are in a folder called labels, or begin with numbers. Images are not looked for: those of
    an archive are not on disk in a preview.
    """
    folder = file.parent
    if folder.name == "labels" or (folder / "labels").is_dir():
        return True
    try:
        with os.scandir(folder) as entries:
            below = sorted(entry.path for entry in entries if entry.is_dir())[:MAX_FOLDERS]
        return any(map(_has_labels, [str(folder), *below]))
    except OSError:
        return False


def _has_labels(folder: str) -> bool:
    names = sorted(name for name in os.listdir(folder) if name.endswith(".txt"))
    texts = [name for name in names if name not in OTHER_TEXTS][:MAX_TEXTS]
    return any(_begins_with_box(os.path.join(folder, name)) for name in texts)


def _begins_with_box(file: str) -> bool:
    with open(file, "rb") as opened:
        words = opened.readline(1000).split()
    try:
        return len([float(word) for word in words]) >= 5
    except ValueError:
        return False
