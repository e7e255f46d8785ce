"""YOLO annotations: a text file of boxes for each image, as Ultralytics and other tools write it.

The annotation file is `data.yaml` with the names of the classes and the folders of the splits, or
`classes.txt` with a name a line. The labels of `images/train/x.jpg` are in `labels/train/x.txt`, or
beside the image. A line is `class x y width height` in fractions of the upright image (center and
size, maybe with a confidence), or `class x1 y1 x2 y2 …`, a polygon, of which the bounding box is
taken. With `kpt_shape` in `data.yaml` a line is a box and keypoints, which are ignored.

- The class of an image is the one whose boxes have the largest area (`geometry.main_label`); an
  image with an empty file or none has no class.
- Boxes are clipped to the image.
- The split is that of `data.yaml`, else the one that a folder of the image is named after.
"""

import os
from collections.abc import Sequence
from itertools import pairwise
from math import isfinite
from pathlib import Path

from core.datasets.annotations.annotation import Annotation, Annotations, Box
from core.datasets.annotations.geometry import clipped_box, main_label
from core.datasets.annotations.merging import Problems
from core.datasets.annotations.yolo_config import YoloConfig, read_config
from core.datasets.annotations.yolo_recognition import OTHER_TEXTS
from core.datasets.annotations.yolo_recognition import recognizes as recognizes
from core.datasets.file_search import FoundFolder, find_files
from core.datasets.layout import readable
from core.errors import MissingError, WorkbenchError

MAX_BYTES = 5 << 20
"""Largest file with the labels of one image; 1,000 polygons of 100 points have 2 MB."""

TOLERANCE = 0.01
"""How far a coordinate may be outside 0 to 1: tools round, and draw over the edges."""

LABELS = "labels"


def read(root: Path, file: Path) -> Annotations:
    """Read the labels of the images under `root` that a `data.yaml` or `classes.txt` is about.

    Returns:
        Annotations of all images under `root`, by path relative to it.

    Raises:
        WorkbenchError: The file cannot be read or has no names of classes, or no image has labels.
    """
    problems = Problems()
    config = read_config(root, file, problems)
    try:
        folders = find_files(root)
    except MissingError:
        raise
    except WorkbenchError:
        images, used = _without_images(root, file, config, problems)
    else:
        images, used = _with_images(root, file, folders, config, problems)
    if not used:
        raise WorkbenchError(
            f"No image has a file of labels that belongs to {file.name}.",
            "Put the labels of images/x.jpg into labels/x.txt, or beside the image.",
        )
    return Annotations(
        images=images,
        problems=tuple(problems.sentences),
        num_problems=problems.number,
        parts=tuple(used),
    )


def _with_images(
    root: Path, file: Path, folders: Sequence[FoundFolder], config: YoloConfig, problems: Problems
) -> tuple[dict[str, Annotation], list[str]]:
    """Return the annotations of images, and the paths of the files with their labels."""
    labels = _LabelFiles(root)
    images: dict[str, Annotation] = {}
    for folder in folders:
        split_of = config.splits_of(folder.parts)
        for name, _, _ in folder.files:
            path = "/".join((*folder.parts, name))
            found = labels.file_of(folder.parts, name, file)
            split = split_of(path)
            if found or split:
                boxes = _boxes(found, labels.name_of(found), config, problems) if found else ()
                images[readable(path)] = Annotation(main_label(boxes), split, (), boxes)
    for unused in labels.unused():
        problems.add(f"{unused}: there is no image of that name.")
    return images, sorted(map(labels.name_of, labels.used))


def _without_images(
    root: Path, file: Path, config: YoloConfig, problems: Problems
) -> tuple[dict[str, Annotation], list[str]]:
    """Return the same by the labels alone, as in a preview of an archive; paths have no suffix."""
    images: dict[str, Annotation] = {}
    used = []
    for parent, _, names in sorted(os.walk(root)):
        parts = [part for part in Path(parent).relative_to(root).parts if part]
        is_known = LABELS in parts
        image_parts = list(parts)
        if is_known:
            image_parts[len(parts) - 1 - parts[::-1].index(LABELS)] = "images"
        split_of = config.splits_of(image_parts)
        for name in sorted(names):
            found = Path(parent, name)
            if not name.endswith(".txt") or name in OTHER_TEXTS or found == file:
                continue
            path = readable("/".join((*parts, name)))
            noted = problems if is_known else Problems()  # Else it may be any text
            boxes = _boxes(found, path, config, noted)
            if is_known or boxes:
                image = readable("/".join((*image_parts, name.removesuffix(".txt"))))
                images[image] = Annotation(main_label(boxes), split_of(image), (), boxes)
                used.append(path)
    return images, used


class _LabelFiles:
    """Files of labels under a root; each folder is listed once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.used: set[Path] = set()
        self._names: dict[Path, frozenset[str]] = {}

    def file_of(self, parts: Sequence[str], image: str, file: Path) -> Path | None:
        """Return the file with the labels of an image, if there is one."""
        name = f"{os.path.splitext(image)[0]}.txt"
        for folder in self._folders(parts):
            if name in self._list(folder) and folder / name != file:
                self.used.add(folder / name)
                return folder / name
        return None

    def name_of(self, found: Path | None) -> str:
        """Return the path of a file of labels relative to the root."""
        return readable(found.relative_to(self.root).as_posix()) if found else ""

    def unused(self) -> list[str]:
        """Return the files in folders of labels that belong to no image, sorted."""
        every = {
            folder / name
            for folder, names in self._names.items()
            if LABELS in folder.relative_to(self.root).parts
            for name in names
            if name not in OTHER_TEXTS
        }
        return sorted(map(self.name_of, every - self.used))

    def _folders(self, parts: Sequence[str]) -> list[Path]:
        """Return where the labels of the images in a folder may be, the usual place first."""
        folder = self.root.joinpath(*parts)
        places = [
            self.root.joinpath(*parts[:at], LABELS, *parts[at + 1 :])
            for at in reversed(range(len(parts)))
            if parts[at].lower() == "images"
        ]
        return [*places, folder, folder / LABELS, self.root.joinpath(LABELS, *parts)]

    def _list(self, folder: Path) -> frozenset[str]:
        if folder not in self._names:
            try:
                names = os.listdir(folder)
            except OSError:  # There is none
                names = []
            self._names[folder] = frozenset(name for name in names if name.endswith(".txt"))
        return self._names[folder]


def _boxes(file: Path, name: str, config: YoloConfig, problems: Problems) -> tuple[Box, ...]:
    """Return the boxes in a file of labels; lines that cannot be used are problems."""
    try:
        if file.stat().st_size > MAX_BYTES:
            problems.add(f"{name}: it has more than {MAX_BYTES >> 20} MB and is not read.")
            return ()
        text = file.read_bytes().decode("utf-8-sig", "replace")
    except OSError as error:
        problems.add(f"{name}: it cannot be read ({error.strerror}).")
        return ()
    boxes = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        box = _box(line.split(), config)
        if isinstance(box, Box):
            boxes.append(box)
        else:
            problems.add(f"{name}, line {number}: {box}")
    return tuple(dict.fromkeys(boxes))


def _box(words: Sequence[str], config: YoloConfig) -> Box | str:
    """Return the box of a line, or why it has none."""
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        return "it must be numbers: class, x, y, width, height."
    edges = _edges(numbers[1:], is_pose=config.is_pose)
    if edges is None:
        return f"it has {len(numbers)} numbers in place of class, x, y, width, height."
    if not numbers[0].is_integer() or int(numbers[0]) not in config.names:
        return f"there is no class {words[0][:20]} among the {len(config.names):,} names."
    used = numbers[1:5] if len(numbers) < 7 or config.is_pose else numbers[1:]
    if not all(isfinite(each) and -TOLERANCE <= each <= 1 + TOLERANCE for each in used):
        return "its coordinates must be fractions of the image, 0 to 1."
    box = clipped_box(config.names[int(numbers[0])], *edges)
    return box or "its box has no area in the image."


def _edges(values: Sequence[float], *, is_pose: bool) -> tuple[float, float, float, float] | None:
    """Return left, top, right and bottom from the numbers after the class."""
    if len(values) in (4, 5) or (is_pose and len(values) > 5):
        x, y, width, height = values[:4]
        return x - width / 2, y - height / 2, x + width / 2, y + height / 2
    if len(values) < 6:
        return None
    points = list(pairwise(values))[::2]  # An odd number at the end is a confidence
    across, down = zip(*points, strict=True)
    return min(across), min(down), max(across), max(down)
