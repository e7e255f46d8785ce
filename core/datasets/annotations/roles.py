"""Roles of a table's columns, recognized by their usual names, and what their values mean."""

import json
import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from enum import StrEnum

from core.datasets.columns import Split
from core.errors import WorkbenchError
from core.files import JsonError, parse_json
from core.workspace import check_text

MAX_NAMED = 12
"""Most columns that an error names."""


class Role(StrEnum):
    """What a column says about an image."""

    PATH = "path"
    LABEL = "label"
    SPLIT = "split"
    TAGS = "tags"


NAMES = {
    Role.PATH: (
        *("filename", "filepath", "imagepath", "imagefile", "imagefilename", "imagename"),
        *("imgpath", "imgfile", "imgname", "path", "relativepath", "relpath", "filepaths"),
        *("file", "files", "image", "images", "img", "photo", "imageid", "imgid", "id"),
    ),
    Role.LABEL: (
        *("label", "class", "classname", "category", "categoryname", "target", "labelname"),
        *("targetname", "classlabel", "labels", "classes", "species", "breed"),
        *("labelid", "classid", "categoryid", "y"),
    ),
    Role.SPLIT: ("split", "subset", "set", "partition", "datasplit", "splits"),
    Role.TAGS: ("tags", "tag"),
}
"""Role → names of its column without case, spaces and punctuation, the surest first."""

SPLITS = {
    **dict.fromkeys(("train", "training"), Split.TRAIN),
    **dict.fromkeys(("val", "valid", "validation", "dev"), Split.VALIDATION),
    **dict.fromkeys(("test", "testing"), Split.TEST),
}
"""Value of a column of splits → split."""

Columns = tuple[tuple[Role, str], ...]
"""Role → name of its column, where a user has chosen it; an empty name means no column."""


def column_key(name: str) -> str:
    """Return a column's name without case, spaces and punctuation."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFC", name).casefold())


def recognize_columns(
    names: Sequence[str], chosen: Columns = (), file: str = "The table"
) -> dict[Role, str]:
    """Return the column of each role that a table has.

    Args:
        names: Names of its columns.
        chosen: Columns that a user has chosen.
        file: What to call the table in an error.

    Raises:
        WorkbenchError: A chosen column is not there.
    """
    keys = {column_key(name): name for name in reversed(names)}
    found = {}
    for role, known in NAMES.items():
        if name := next((keys[key] for key in known if key in keys), None):
            found[role] = name
    for role, wanted in chosen:
        if not wanted:
            found.pop(role, None)
            continue
        match = wanted if wanted in names else keys.get(column_key(wanted))
        if match is None:
            raise WorkbenchError(f"{file} has no column “{wanted[:80]}”.", columns_there(names))
        found[role] = match
    return found


def columns_there(names: Sequence[str]) -> str:
    """Return a sentence with the names of a table's columns."""
    shown = ", ".join(name[:40] for name in names[:MAX_NAMED])
    return f"Its columns: {shown}{', …' if len(names) > MAX_NAMED else ''}."


def as_text(value: object) -> str:
    """Return a value of a table as text: exactly as it is written; empty for none and NaN."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():  # Integers beside missing values
        return str(int(value))
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, list) and len(value) == 1:
        return as_text(value[0])
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str) if value else ""
    return str(value)


def read_label(value: object) -> str | None:
    """Return the class that a value names, in Unicode's composed form; None for an empty one.

    Raises:
        ValueError: It cannot name a class.
    """
    text = unicodedata.normalize("NFC", as_text(value))
    if not text.strip():
        return None
    try:
        check_text("label", text)
    except WorkbenchError as error:
        raise ValueError(f"“{text[:40]}” cannot be a label") from error
    return text


def read_split(value: object) -> Split | None:
    """Return the split that a value names; None for an empty one.

    Raises:
        ValueError: It names no split.
    """
    text = as_text(value).strip()
    if not text:
        return None
    if split := SPLITS.get(text.casefold()):
        return split
    raise ValueError(f"“{text[:40]}” is not a split; use train, val or test")


def read_tags(value: object) -> tuple[str, ...]:
    """Return the tags that a value lists: a list, a JSON list, or text with commas or semicolons.

    Raises:
        ValueError: One cannot be a tag.
    """
    each: Iterable[object] = value if isinstance(value, list | tuple) else ()
    if not each:
        text = as_text(value).strip()
        each = _listed(text) if text.startswith("[") else re.split(r"[,;|]", text)
    tags = (as_text(tag).strip() for tag in each)
    try:
        return tuple(sorted({check_text("tag", tag) for tag in tags if tag}))
    except WorkbenchError as error:
        raise ValueError(error.problem.removesuffix(".")) from error


def _listed(text: str) -> list[object]:
    try:
        content = parse_json(text)
    except JsonError:
        content = None
    return content if isinstance(content, list) else list(re.split(r"[,;|]", text.strip("[]")))
