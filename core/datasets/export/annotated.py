"""Export of images with their boxes: a zip in the layout of COCO or YOLO.

Images are in `images/<split>`, without splits in `images`; with splits, images in no split join
train. Neither format has classes of images: the class of an image without boxes is written as a box
over all of it. Tags are not written.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import yaml

from core.datasets.annotations.annotation import Box
from core.datasets.annotations.geometry import main_label
from core.datasets.annotations.pixels import PIXEL_DIGITS, pixels_of
from core.datasets.columns import ImageRow, Split
from core.datasets.export.listing import Format, Record
from core.datasets.export.names import LEFT_OUT, FlatNames
from core.datasets.export.tree import CHUNK, REASON, list_left_out, open_tree, read_original
from core.datasets.registry import Dataset
from core.net.object_cache import fetch_ahead
from core.progress import Progress, Work

FRACTION_DIGITS = 10
"""Digits after the point: a box read back differs by less than a millionth of the image."""


class _Writer(Protocol):
    """Writer of annotations."""

    def add(self, image: ImageRow, split: str, name: str, boxes: Sequence[Box]) -> None:
        """Add an image of that name in the folder of a split, which may be empty."""

    def files(self) -> Iterator[tuple[str, str]]:
        """Yield path and content of each file, after the last image."""


def write_annotated(
    dataset: Dataset, ids: Sequence[int], form: Format, path: Path
) -> Work[tuple[int, int]]:
    """Write images and their boxes to the new zip `path`.

    Returns:
        The numbers of written images and of those that could not be written.

    Raises:
        WorkbenchError: No image can be exported.
        OSError: It cannot be written.
    """
    names = FlatNames()
    writer: _Writer = _Coco() if form == Format.COCO else _Yolo()
    has_splits = any(split for (split,) in _splits(dataset, ids))
    left_out: list[Record] = []
    num_images = 0
    with open_tree(path.parent, Format.ZIP, path.name) as add:
        images = fetch_ahead(_images(dataset, ids), lambda pair: dataset.path_of(pair[0]))
        for done, (image, boxes) in enumerate(images):
            yield Progress(done, len(ids), "exporting images")
            original = dataset.path_of(image)
            content, reason = read_original(original, image, to_link=False)
            if reason:
                left_out.append({"id": image.id, "path": image.path, REASON: reason})
                continue
            split = str(image.split or Split.TRAIN) if has_splits else ""
            name = names.take(image)
            add("/".join(filter(None, ("images", split, name))), original, content)
            writer.add(image, split, name, boxes)
            num_images += 1
        for file, text in writer.files():
            add(file, path, text.encode())
        with TemporaryDirectory() as folder:
            table = Path(folder) / LEFT_OUT
            list_left_out(left_out, num_images, table)
            if table.exists():
                add(LEFT_OUT, table, table.read_bytes())
    return num_images, len(left_out)


def _splits(dataset: Dataset, ids: Sequence[int]) -> list[tuple[str | None]]:
    query = (
        "SELECT DISTINCT split FROM images WHERE problem IS NULL "
        "AND id IN (SELECT value FROM json_each(?))"
    )
    return dataset.catalog.select(query, [str([*ids])])


def _images(dataset: Dataset, ids: Sequence[int]) -> Iterator[tuple[ImageRow, Sequence[Box]]]:
    """Yield images with their boxes, without those that were removed meanwhile."""
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        rows, boxes = dataset.catalog.rows_by_id(chunk), dataset.catalog.boxes_of(chunk)
        for image_id in chunk:
            if image_id in rows:
                yield rows[image_id], _boxes_of(rows[image_id], boxes.get(image_id, ()))


def _boxes_of(image: ImageRow, boxes: Sequence[Box]) -> Sequence[Box]:
    """Return the boxes of an image; without any, its class as a box over all of it."""
    return boxes if boxes or image.label is None else (Box(image.label, 0.0, 0.0, 1.0, 1.0),)


class _Coco:
    """`annotations/instances_<split>.json`, entry by entry as JSON, because there may be many."""

    def __init__(self) -> None:
        self.images: dict[str, list[str]] = {}
        self.boxes: dict[str, list[str]] = {}
        self.classes: dict[str, int] = {}
        """Class → its id, from 1."""

    def add(self, image: ImageRow, split: str, name: str, boxes: Sequence[Box]) -> None:
        """Add an image."""
        width, height = image.width, image.height
        entry = {"id": image.id, "file_name": name, "width": width, "height": height}
        if image.label and image.label != main_label(boxes):
            entry["label"] = image.label  # As the reader takes it; others ignore it
        self.images.setdefault(split, []).append(json.dumps(entry))
        listed = self.boxes.setdefault(split, [])
        for box in boxes:
            bbox = pixels_of(box, (width, height))
            found = {
                "id": len(listed) + 1,
                "image_id": image.id,
                "category_id": self.classes.setdefault(box.label, len(self.classes) + 1),
                "bbox": bbox,
                "area": round(bbox[2] * bbox[3], PIXEL_DIGITS),
                "iscrowd": 0,
                "segmentation": [],
            }
            listed.append(json.dumps(found))

    def files(self) -> Iterator[tuple[str, str]]:
        """Yield a file for each split, all with the same classes."""
        classes = [
            json.dumps({"id": number, "name": name}) for name, number in self.classes.items()
        ]
        for split, images in self.images.items():
            parts = {"images": images, "annotations": self.boxes[split], "categories": classes}
            lists = [f'"{key}": [\n' + ",\n".join(part) + "\n]" for key, part in parts.items()]
            name = "_".join(filter(None, ("instances", split)))
            yield f"annotations/{name}.json", "{" + ", ".join(lists) + "}\n"


class _Yolo:
    """`labels/<split>/<image>.txt` and `data.yaml`, whose folders are relative to its own."""

    def __init__(self) -> None:
        self.labels: dict[str, str] = {}
        self.splits: dict[str, None] = {}
        self.classes: dict[str, int] = {}

    def add(self, image: ImageRow, split: str, name: str, boxes: Sequence[Box]) -> None:
        """Add an image."""
        lines = []
        for box in boxes:
            number = self.classes.setdefault(box.label, len(self.classes))
            center = (box.left + box.width / 2, box.top + box.height / 2)
            values = (*center, box.width, box.height)
            lines.append(" ".join([str(number), *(f"{v:.{FRACTION_DIGITS}f}" for v in values)]))
        stem = name.rpartition(".")[0]
        file = "/".join(filter(None, ("labels", split, f"{stem}.txt")))
        self.labels[file] = "".join(f"{line}\n" for line in lines)
        self.splits[split] = None

    def files(self) -> Iterator[tuple[str, str]]:
        """Yield the labels of each image, and data.yaml."""
        yield from self.labels.items()
        keys = {Split.TRAIN: "train", Split.VALIDATION: "val", Split.TEST: "test"}
        # Trainings need both; a folder that is in both is read back as no split
        folders = {"train": "images", "val": "images"} if "" in self.splits else {}
        folders |= {keys[split]: f"images/{split}" for split in Split if split in self.splits}
        names = {number: name for name, number in self.classes.items()}
        content = folders | {"nc": len(names), "names": names}
        yield "data.yaml", yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=1000)
