"""Names of classes and images in an exported tree: unique, and valid on every disk."""

import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence

from core.datasets.columns import ImageRow, Split
from core.datasets.folder_names import (
    PLAIN_NAMES,
    UNLABELED,
    Use,
    is_system_name,
    key_of,
    read_split_name,
)
from core.datasets.split_folders import Node, split_folders

METADATA = "metadata.csv"
"""Table beside the images, as Hugging Face's ImageFolder expects it: in the folder of each split,
or at the top without splits."""

METADATA_LINES = "metadata.jsonl"
"""The same as JSON Lines."""

LEFT_OUT = "left-out.csv"
TAKEN = (METADATA, METADATA_LINES, LEFT_OUT, "manifest.json")
"""Names of files beside the folders."""

MAX_NAME_BYTES = 255
"""Most bytes of a name in UTF-8 on ext4, NTFS and APFS."""

MAX_SUFFIX = 16
"""Room for a number and the suffix of an image or its labels."""

SEPARATORS = frozenset("/\\:")
"""Characters that readers of zips treat as separators of folders and drives."""

UNSEEN = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories of control characters, halves of characters and line ends. Joiners (Cf) hold
emoji together and stay."""


class FreeNames:
    """Unique names within one folder, also on disks that ignore case or composition."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._numbers = {_key(name): 2 for name in taken}

    def is_free(self, name: str) -> bool:
        """Return whether `name` is unused."""
        return _key(name) not in self._numbers

    def take(self, stem: str, suffix: str = "") -> str:
        """Return an unused name: stem and suffix, with -2, -3, … between them if necessary."""
        name = first = _cut(stem, suffix) + suffix
        while not self.is_free(name):
            number = self._numbers[_key(first)]
            self._numbers[_key(first)] = number + 1
            name = _cut(stem, end := f"-{number}{suffix}") + end
        self._numbers[_key(name)] = 2
        return name


class TreeNames:
    """Names in a tree `split/class/image`, or `class/image` if no image is in a split.

    They depend on the labels, and for equal names in a folder on the order of the images. In a tree
    with splits, images in no split join train.
    """

    def __init__(self, places: Iterable[tuple[str | None, str | None]]) -> None:
        """Take each (label, split) that occurs."""
        pairs = set(places)
        labels = {label for label, _ in pairs}
        splits = {split for _, split in pairs}
        self.has_splits = bool(splits - {None})
        fits = {label: fit(label) for label in labels if label is not None}
        self._like_splits = self._called_like_splits([*fits.values()], None in labels)
        self._folders: dict[str | None, str] = {}
        self._free = FreeNames(TAKEN)
        self._files: dict[str, FreeNames] = defaultdict(FreeNames)
        for label, name in sorted(fits.items()):  # First those that can stay as they are
            if label == name and self._free.is_free(name):
                self.folder_of(label)
        for label in sorted(fits):
            self.folder_of(label)

    def _called_like_splits(self, names: Sequence[str], has_unlabeled: bool) -> set[str]:
        """Return classes that a scan would take for splits, such as classes train and test.

        Below the folders of splits it takes only one that repeats the name of its split.
        """
        if self.has_splits:
            return {name for name in names if key_of(name) in list(Split)}
        beside = [*names, UNLABELED] if has_unlabeled else names
        return set(split_folders({name: Node(num_images=1) for name in beside}))

    def folder_of(self, label: str | None) -> str:
        """Return the name of the folder of a class."""
        if label not in self._folders:
            name = UNLABELED if label is None else fit(label)
            is_marked = label is not None and name in self._like_splits
            self._folders[label] = self._free.take(f"_{name}" if is_marked else name)
        return self._folders[label]

    def place(self, image: ImageRow) -> tuple[str, str]:
        """Return (the split's folder, the image's path in that), the former empty without splits.

        Each call uses up a name, so call it once for each image.
        """
        split = str(image.split or Split.TRAIN) if self.has_splits else ""
        folder = self.folder_of(image.label)
        stem, suffix = os.path.splitext(_visible(image.path.rpartition("/")[2]))
        return split, f"{folder}/{self._files[f'{split}/{folder}'].take(stem, suffix)}"


class FlatNames:
    """Names of images that differ in their stem, in whatever folder, as labels need them."""

    def __init__(self) -> None:
        self._free = FreeNames()

    def take(self, image: ImageRow) -> str:
        """Return an unused name for an image. Call it once for each."""
        stem, suffix = os.path.splitext(_visible(image.path.rpartition("/")[2]))
        return self._free.take(_cut(stem, " " * MAX_SUFFIX)) + suffix


def fit(name: str) -> str:
    """Return a folder's name that Linux, macOS and zips take, and `layout.py` reads as a class.

    Kept for exactness although Windows refuses them: < > " | ? * and the names of its devices.
    """
    visible = _visible(name)
    if not visible or visible.startswith("."):
        visible = f"_{visible.lstrip('.')}"
    read = read_split_name(visible)
    is_unlabeled = read is not None and read.use == Use.UNLABELED
    if is_system_name(visible) or visible.lower() in PLAIN_NAMES or is_unlabeled:
        visible = f"_{visible}"
    return _cut(visible)


def _visible(name: str) -> str:
    return "".join("_" if _is_unfit(character) else character for character in name)


def _is_unfit(character: str) -> bool:
    return character in SEPARATORS or unicodedata.category(character) in UNSEEN


def _key(name: str) -> str:
    """Return a key that is equal for names that some disk treats as equal."""
    folded = unicodedata.normalize("NFC", name).casefold()
    return unicodedata.normalize("NFC", folded).rstrip(". ")


def _cut(stem: str, end: str = "") -> str:
    """Return `stem`, shortened so that it fits into a name before `end`."""
    room = MAX_NAME_BYTES - len(end.encode())
    return stem.encode()[: max(room, 1)].decode(errors="ignore")
