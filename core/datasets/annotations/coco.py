"""COCO annotations: the boxes of `instances_*.json`, which also give each image its class.

- The class of an image is the one whose boxes have the largest area (`geometry.main_label`). An
  image without boxes has none. Its other classes are not lost: images can be filtered by the
  classes of their boxes.
- Boxes are clipped to the image. Crowd regions, segmentations, keypoints and captions are ignored.
- The split is that which the name of the file means, else that of its folder.
- Boxes are in pixels of the size that the file gives the image; `Annotation.size` has it, so that
  `geometry.upright_boxes` can tell stored from upright pixels. Without a size it is read from the
  image.
"""

import re
from pathlib import Path
from typing import Any

from core.datasets.annotations.annotation import Annotation, Annotations, Box
from core.datasets.annotations.coco_content import Content, key_of, read_content
from core.datasets.annotations.coco_paths import path_prefix, plain_path
from core.datasets.annotations.geometry import main_label
from core.datasets.annotations.merging import Problems, joined
from core.datasets.annotations.pixels import Size, pixel_box, read_size
from core.datasets.columns import Split
from core.datasets.folder_names import split_of_name

HEAD_BYTES = 64 << 10
LISTS = re.compile(rb'"(images|annotations|categories)"\s*:\s*\[')
FIELDS = re.compile(rb'"(file_name|bbox|category_id)"\s*:')


def recognizes(file: Path) -> bool:
    """Return whether a file looks like COCO's instances, by its name, its first and last bytes."""
    if file.suffix.lower() != ".json":
        return False
    try:
        with file.open("rb") as opened:
            head = opened.read(HEAD_BYTES)
            opened.seek(max(file.stat().st_size - HEAD_BYTES, len(head)))
            ends = head + opened.read(HEAD_BYTES)
    except OSError:
        return False
    is_other = b'"bbox"' not in ends and (b'"caption"' in ends or b'"segments_info"' in ends)
    begins = head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")
    return begins and not is_other and bool(LISTS.search(ends) and FIELDS.search(ends))


def read(root: Path, file: Path) -> Annotations:
    """Read a COCO file about images under `root`.

    Equal boxes of an image count once: COCO's files of persons repeat those of its instances.

    Returns:
        Annotations of the images that the file lists. Their paths are relative to `root` if the
        images are found beside the file, in `images` or in a folder of the split; else as written,
        with forward slashes.

    Raises:
        WorkbenchError: The file cannot be read, is too large, or is not COCO.
    """
    images: dict[str, Annotation] = {}
    problems = Problems()
    _add(images, root, file, problems)
    return Annotations(
        images=images, problems=tuple(problems.sentences), num_problems=problems.number
    )


def split_of(root: Path, file: Path) -> Split | None:
    """Return the split that the name of an annotation file means, else that of its folder."""
    folder = file.parent.name if file.parent != root and file.is_relative_to(root) else ""
    return split_of_name(file.stem) or split_of_name(folder)


def _add(images: dict[str, Annotation], root: Path, file: Path, problems: Problems) -> None:
    """Add the annotations of a file's images, by path."""
    content = read_content(file, problems)
    split = split_of(root, file)
    prefix = path_prefix(root, file, [image.name for image in content.images.values()])
    paths = {key: plain_path(prefix, image.name) for key, image in content.images.items()}
    sizes: dict[str, Size | None] = {}
    boxes: dict[str, list[Box]] = {}
    for number, found in enumerate(content.annotations):
        try:
            if (image := _image_of(found, content)) is None:
                continue
            if image not in sizes:
                sizes[image] = content.images[image].size or read_size(root, paths[image])
            boxes.setdefault(image, []).append(_box(found, sizes[image], content))
        except _UnusableError as error:
            name = found.get("id", number) if isinstance(found, dict) else number
            problems.add(f"{file.name}, annotation {name!r:.40}: {error!s}")
    for key, entry in content.images.items():
        own = tuple(dict.fromkeys(boxes.get(key, ())))
        label = entry.label or main_label(own)
        annotation = Annotation(label, split, (), own, entry.size)
        path = paths[key]
        known = images.get(path)
        images[path] = joined(known, annotation, path, problems) if known else annotation


class _UnusableError(ValueError):
    """An annotation that cannot be used, with the reason as a sentence."""


def _image_of(found: Any, content: Content) -> str | None:
    """Return the key of the image of an annotation; None if it is a crowd.

    Raises:
        _UnusableError: There is no such image.
    """
    if not isinstance(found, dict):
        raise _UnusableError("it is not an object.")
    if found.get("iscrowd") == 1:
        return None
    key = key_of(found.get("image_id"))
    if key not in content.images:
        raise _UnusableError(f"there is no image {found.get('image_id')!r:.40}.")
    return key


def _box(found: dict[str, Any], size: Size | None, content: Content) -> Box:
    """Return the box of an annotation.

    Raises:
        _UnusableError: It has none, or no class.
    """
    label = content.categories.get(key_of(found.get("category_id")) or "")
    if label is None:
        raise _UnusableError(f"there is no class {found.get('category_id')!r:.40}.")
    try:
        return pixel_box(label, found.get("bbox"), size)
    except ValueError as error:
        raise _UnusableError(f"{error}.") from error
