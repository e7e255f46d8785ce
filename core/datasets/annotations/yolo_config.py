"""`data.yaml` and `classes.txt` of YOLO datasets: names of the classes, folders of the splits."""

import os
import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from core.datasets.annotations.merging import Problems
from core.datasets.columns import Split
from core.datasets.folder_names import read_split_name
from core.errors import WorkbenchError
from core.workspace import check_text

MAX_BYTES = 8 << 20
"""Largest such file, and list of images; 100,000 names have 2 MB."""

CLASSES = ("classes.txt", "obj.names")
"""Files with a name a line; the latter is Darknet's."""

SPLITS = {"train": Split.TRAIN, "val": Split.VALIDATION, "valid": Split.VALIDATION}
SPLITS |= {"validation": Split.VALIDATION, "test": Split.TEST}
"""Key in data.yaml → split."""


@dataclass(frozen=True, kw_only=True, slots=True)
class YoloConfig:
    """What such a file says."""

    names: Mapping[int, str]
    """Number of a class → its name."""

    folders: Mapping[str, Split]
    """Folder relative to the root, with forward slashes, → split; not those in several splits."""

    images: Mapping[str, Split]
    """Path of an image relative to the root, with and without its suffix, → split, from lists."""

    is_pose: bool = False
    """Whether keypoints follow each box."""

    def splits_of(self, parts: Sequence[str]) -> Callable[[str], Split | None]:
        """Return a function of the path of an image in that folder that returns its split."""
        split: Split | None = None
        for depth in range(len(parts) + 1):
            split = self.folders.get("/".join(parts[:depth]), split)
        named = split or _named(parts)
        return lambda path: self.images.get(path, named)


def read_config(root: Path, file: Path, problems: Problems) -> YoloConfig:
    """Read a data.yaml or a classes.txt.

    Raises:
        WorkbenchError: It cannot be read, or has no names of classes.
    """
    if file.suffix.lower() in (".txt", ".names"):
        listed: Any = text_of(file).splitlines()
        return YoloConfig(names=_names(listed, file, problems), folders={}, images={})
    content = _parsed(file)
    folders: dict[str, Split] = {}
    several: set[str] = set()
    images: dict[str, Split] = {}
    for key, split in SPLITS.items():
        for entry in _entries(content.get(key)):
            found = _resolve(root, file, str(content.get("path") or ""), entry)
            if found is None:
                problems.add(f"{file.name}: the folder “{entry[:80]}” of {key} was not found.")
            elif os.path.isfile(found):
                for image in _listed(root, found):
                    for name in (image, os.path.splitext(image)[0]):
                        images.setdefault(name, split)
            else:
                folder = _relative(root, found)
                if folders.setdefault(folder, split) != split:
                    several.add(folder)
    return YoloConfig(
        names=_names(content.get("names"), file, problems),
        folders={folder: split for folder, split in folders.items() if folder not in several},
        images=images,
        is_pose="kpt_shape" in content,
    )


def _named(parts: Sequence[str]) -> Split | None:
    """Return the split that the first such folder is named after."""
    for part in parts:
        name = read_split_name(part)
        if name and not name.is_abbreviation and name.use.as_split:
            return name.use.as_split
    return None


def text_of(file: Path) -> str:
    """Return the text of a file.

    Raises:
        WorkbenchError: It cannot be read, is too large, or is not UTF-8.
    """
    try:
        if file.stat().st_size > MAX_BYTES:
            problem = f"{file.name} has more than {MAX_BYTES >> 20} MB."
            raise WorkbenchError(problem, "Choose the data.yaml or classes.txt of the dataset.")
        return file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise WorkbenchError(
            f"{file.name} cannot be read: {error.strerror}.", "Check the file and its permissions."
        ) from error
    except UnicodeDecodeError as error:
        problem = f"{file.name} is not text in UTF-8."
        raise WorkbenchError(problem, "Save it as UTF-8 and try again.") from error


def _parsed(file: Path) -> dict[str, Any]:
    try:
        # Texts only: no objects, and a class that is called 007 or no stays a name
        content = yaml.load(text_of(file), Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" in line {mark.line + 1}" if mark else ""
        raise WorkbenchError(
            f"{file.name} is not valid YAML{place}.", "Correct it, or leave it out of the folder."
        ) from error
    return content if isinstance(content, dict) else {}


def _names(listed: Any, file: Path, problems: Problems) -> dict[int, str]:
    """Return number → name of the classes."""
    if isinstance(listed, list):
        listed = dict(enumerate(listed))
    names: dict[int, str] = {}
    for key, name in listed.items() if isinstance(listed, dict) else ():
        try:
            names[int(key)] = check_text("class", name if isinstance(name, str) else "")
        except (ValueError, TypeError):
            problems.add(f"{file.name}: “{key!s:.40}” is not the number of a class.")
        except WorkbenchError as error:
            if name:  # An empty line of classes.txt only counts
                problems.add(f"{file.name}, class {key}: {error.problem}")
    if not names:
        raise WorkbenchError(
            f"{file.name} has no names of classes.",
            "List them under “names” in data.yaml, or one a line in classes.txt.",
        )
    return names


def _entries(value: Any) -> list[str]:
    """Return the folders or lists of a split, which may be one or several."""
    values = value if isinstance(value, list) else [value]
    return [each.strip() for each in values if isinstance(each, str) and each.strip()]


def _resolve(root: Path, file: Path, path: str, entry: str) -> Path | None:
    """Return the folder or list that an entry means: it often is a path of another computer.

    Tried are the entry below `path`, the file's folder and the root, each also without the first
    folders of the entry.
    """
    entry, path = entry.replace("\\", "/"), path.replace("\\", "/")
    bases = [os.path.join(file.parent, path), str(file.parent), str(root)]
    parts = [part for part in entry.split("/") if part not in ("", ".", "..") and ":" not in part]
    tails = [entry, *("/".join(parts[at:]) for at in range(len(parts)))]
    real_root = os.path.realpath(root)
    for tail in tails:
        for base in bases:
            found = Path(os.path.normpath(os.path.join(base, tail)))
            is_inside = Path(os.path.realpath(found)).is_relative_to(real_root)
            if is_inside and (os.path.exists(found) or os.path.isdir(_labels_of(found))):
                return found
    return None


def _labels_of(folder: Path) -> str:
    """Return the folder with the labels of the images in a folder, which need not be there."""
    return "/labels".join(f"{folder.as_posix()}/".rsplit("/images", 1))


def _relative(root: Path, found: Path) -> str:
    if not found.is_relative_to(root):
        root, found = root.resolve(), found.resolve()
    return "" if found == root else found.relative_to(root).as_posix()


def _listed(root: Path, file: Path) -> list[str]:
    """Return the paths, relative to the root, in a list of images such as train.txt."""
    paths = []
    for line in text_of(file).splitlines():
        written = line.strip().replace("\\", "/")
        if not written:
            continue
        for base in (file.parent, root):
            path = Path(os.path.normpath(os.path.join(base, written)))
            if path.is_relative_to(root) and os.path.exists(path):
                paths.append(path.relative_to(root).as_posix())
                break
        else:  # A path of another computer: its end counts
            parts = posixpath.normpath(written).split("/")
            tails = ("/".join(parts[at:]) for at in range(1, len(parts)))
            paths += [next((tail for tail in tails if os.path.exists(root / tail)), written)]
    return paths
