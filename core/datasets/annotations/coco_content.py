"""Content of a COCO file: its images and categories by id, and its annotations as they are."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from core.datasets.annotations.file_names import MAX_JSON_BYTES
from core.datasets.annotations.merging import Problems
from core.datasets.annotations.pixels import Size, stated_size
from core.datasets.annotations.texts import check_size
from core.errors import WorkbenchError
from core.workspace import check_text

USED = (
    *("images", "annotations", "categories", "id", "name", "file_name", "width", "height"),
    *("image_id", "category_id", "bbox", "iscrowd", "label"),
)
"""Keys that are read: the others, such as segmentations, are most of a file and are dropped."""


class Image(NamedTuple):
    """An image of a file."""

    name: str
    """Its `file_name`."""

    size: Size | None
    """Width and height in pixels, if the file has them."""

    label: str | None = None
    """Its class where that is not the one of its boxes; only exports of this app have it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """What a COCO file says."""

    images: Mapping[str, Image]
    categories: Mapping[str, str]
    """Id → name."""

    annotations: Sequence[Any]


def read_content(file: Path, problems: Problems) -> Content:
    """Read a COCO file.

    Raises:
        WorkbenchError: It cannot be read, is too large, or is not COCO.
    """
    content = _parsed(file)
    return Content(
        images=_images(content["images"], file, problems),
        categories=_categories(content.get("categories", ()), file, problems),
        annotations=content.get("annotations", ()),
    )


def key_of(value: Any) -> str | None:
    """Return an id as text: 7, 7.0 and "7" are one, as tools mix them. None if it is no id."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, int | str) and not isinstance(value, bool) else None


def _parsed(file: Path) -> dict[str, Any]:
    """Return the content of a COCO file, without what is not used."""
    try:
        check_size(file, MAX_JSON_BYTES)
        content = json.loads(file.read_bytes(), object_hook=_used)
    except OSError as error:
        raise WorkbenchError(
            f"{file.name} cannot be read: {error.strerror}.", "Check the file and its permissions."
        ) from error
    except (ValueError, RecursionError) as error:
        raise WorkbenchError(
            f"{file.name} is not valid JSON.", "Export it again, or leave it out of the folder."
        ) from error
    needed = ("images", "categories") if _has(content, "annotations") else ("images",)
    missing = [name for name in needed if not _has(content, name)]
    if missing:
        raise WorkbenchError(
            f"{file.name} is not a COCO file of boxes: it has no list “{missing[0]}”.",
            "Choose a file like COCO’s instances_train2017.json.",
        )
    return {name: listed for name, listed in content.items() if isinstance(listed, list)}


def _used(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: entry[key] for key in USED if key in entry}


def _has(content: Any, name: str) -> bool:
    return isinstance(content, dict) and isinstance(content.get(name), list)


def _images(listed: Iterable[Any], file: Path, problems: Problems) -> dict[str, Image]:
    images: dict[str, Image] = {}
    for number, entry in enumerate(listed):
        entry = entry if isinstance(entry, dict) else {}
        key, name = key_of(entry.get("id")), entry.get("file_name")
        place = f"{file.name}, image {entry.get('id', number)!r:.40}"
        if not isinstance(name, str) or not name.strip() or "\0" in name:
            problems.add(f"{place}: it has no file_name.")
        elif key is None or images.setdefault(key, _image(name, entry)).name != name:
            problems.add(f"{place}: its id is missing or that of another image.")
    return images


def _categories(listed: Iterable[Any], file: Path, problems: Problems) -> dict[str, str]:
    names: dict[str, str] = {}
    for number, entry in enumerate(listed):
        entry = entry if isinstance(entry, dict) else {}
        key, name = key_of(entry.get("id")), key_of(entry.get("name"))
        place = f"{file.name}, class {entry.get('id', number)!r:.40}"
        try:
            name = check_text("class", name or "")
        except WorkbenchError as error:
            problems.add(f"{place}: {error.problem}")
            continue
        if key is None or names.setdefault(key, name) != name:
            problems.add(f"{place}: its id is missing or that of another class.")
    return names


def _image(name: str, entry: Mapping[str, Any]) -> Image:
    try:
        label = check_text("class", entry["label"]) if isinstance(entry.get("label"), str) else None
    except WorkbenchError:
        label = None
    return Image(name, stated_size(entry), label)
