"""Formats of annotation files: how each is recognized and read.

Another format is an entry of `FORMATS`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.datasets.annotations import coco, yolo
from core.datasets.annotations.annotation import Annotations
from core.datasets.annotations.delimited import open_delimited
from core.datasets.annotations.file_names import MAX_JSON_BYTES
from core.datasets.annotations.json_lines import open_json_lines
from core.datasets.annotations.parquet import open_parquet
from core.datasets.annotations.roles import Columns
from core.datasets.annotations.tables import Table, read_table
from core.datasets.annotations.texts import check_size
from core.datasets.annotations.yolo_config import CLASSES
from core.datasets.columns import Split
from core.errors import WorkbenchError

MAX_LOOKED_AT = 64
"""Most files whose content is looked at: some tools write a JSON for each image."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FormatReader:
    """How a format is recognized and read."""

    title: str
    recognizes: Callable[[Path], bool]
    """Whether a file has this format, by its name and, if that says too little, its content."""

    open: Callable[[Path], Table] | None = None
    """Opens a table with a row for each image, whose columns can be chosen."""

    read: Callable[[Path, Path], Annotations] | None = None
    """Reads any other format, from the root of the images and the file."""

    max_bytes: int | None = None
    """Largest file that is read; None is that of tables."""


def _has_suffix(*suffixes: str) -> Callable[[Path], bool]:
    return lambda file: file.name.lower().endswith(suffixes)


FORMATS = (
    FormatReader(title="CSV", recognizes=_has_suffix(".csv", ".tsv", ".tab"), open=open_delimited),
    FormatReader(title="Parquet", recognizes=_has_suffix(".parquet"), open=open_parquet),
    FormatReader(
        title="JSON Lines", recognizes=_has_suffix(".jsonl", ".ndjson"), open=open_json_lines
    ),
    FormatReader(
        title="COCO", recognizes=coco.recognizes, read=coco.read, max_bytes=MAX_JSON_BYTES
    ),
    FormatReader(title="YOLO (data.yaml, classes.txt)", recognizes=yolo.recognizes, read=yolo.read),
)


def detect_format(file: Path) -> FormatReader | None:
    """Return the format of a file by its name and content; None if it does not annotate images."""
    return next((each for each in FORMATS if each.recognizes(file)), None)


def boxed_files(root: Path, candidates: Sequence[str]) -> list[tuple[str, ...]]:
    """Return groups of files with boxes that may annotate a source, the likeliest first.

    They are all COCO files near the root, those named like COCO's instances if there are any; then
    each file of YOLO, data.yaml before classes.txt.

    Args:
        root: Folder of the source.
        candidates: Paths of the files to look at, relative to the root.
    """
    near = sorted(candidates, key=lambda path: (path.count("/"), path))
    listed = [path for path in near if path.lower().endswith(".json")][:MAX_LOOKED_AT]
    files = [path for path in listed if coco.recognizes(root / path)]
    instances = [path for path in files if path.rpartition("/")[2].startswith("instances")]
    configs = [path for path in near if path.lower().endswith((".yaml", ".yml", *CLASSES))]
    yolo_files = [path for path in configs[:MAX_LOOKED_AT] if yolo.recognizes(root / path)]
    yolo_files.sort(key=lambda path: path.lower().endswith(CLASSES))
    return [
        tuple(group) for group in (instances or files, *([path] for path in yolo_files)) if group
    ]


def read_annotations(
    root: Path, file: Path, chosen: Columns = (), split: Split | None = None
) -> Annotations:
    """Return the annotations of a file.

    Args:
        root: Folder of the images.
        file: The file.
        chosen: Columns of a table that a user has chosen.
        split: Split of those rows of a table that name none.

    Raises:
        MissingError: There is no such file.
        WorkbenchError: It has none of the formats, is too large or damaged, or lacks columns.
    """
    reader = _reader_of(file)
    if reader.open is not None:
        return read_table(reader.open(file), chosen, split, file.parent)
    if reader.read is None:
        raise TypeError(f"{reader.title} can be neither opened nor read")
    return reader.read(root, file)


def columns_of(file: Path) -> list[str]:
    """Return the names of a table's columns; none for a format that is no table.

    Raises:
        MissingError, WorkbenchError: As `read_annotations`.
    """
    reader = _reader_of(file)
    return list(reader.open(file).columns) if reader.open else []


def _reader_of(file: Path) -> FormatReader:
    check_size(file, MAX_JSON_BYTES)
    reader = detect_format(file)
    if reader is None:
        known = ", ".join(each.title for each in FORMATS)
        problem = f"{file.name} is not an annotation file."
        raise WorkbenchError(problem, f"Known formats: {known}.")
    check_size(file, reader.max_bytes)
    return reader
