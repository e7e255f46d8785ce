"""Exports of a workspace: their list, and their table of images.

The table has one row per image, as CSV or Parquet, written in parts. CSV is RFC 4180 in UTF-8 and
exact: texts that begin with =, +, - or @ are not escaped, so import it as data instead of opening
it in a spreadsheet. Empty cells are None. To read it back: `pandas.read_csv(path, dtype={"label":
str}, keep_default_na=False)`, because a class may be named 007 or NA; and `json.loads` for the
tags. Parquet has types, None and lists of its own.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from core.artifacts.folders import DRAFT_PREFIX
from core.artifacts.manifests import Manifest, read_manifest
from core.datasets.columns import ROW_COLUMNS, ImageRow
from core.datasets.layout import readable
from core.datasets.registry import Dataset
from core.errors import DamagedArtifactError, MissingError
from core.workspace import Workspace

MAX_DATASET_LENGTH = 56
"""Most characters of a dataset's name in the name of an export, which has at most 80."""


class Format(StrEnum):
    """Format of an export."""

    CSV = "csv"
    """A table."""

    PARQUET = "parquet"
    """A table with types."""

    ZIP = "zip"
    """The images in class folders, packed but not compressed, with tables."""

    JSON_LINES = "jsonl"
    """The same with tables of JSON Lines, as Hugging Face's ImageFolder reads them, and boxes."""

    FOLDER = "folder"
    """Copies of the images in class folders, with tables."""

    LINKS = "links"
    """Symbolic links to the images in class folders, with tables; they break when those move."""

    COCO = "coco"
    """A zip of the images with their boxes in COCO's format."""

    YOLO = "yolo"
    """A zip of the images with their boxes in the format of YOLO."""


ZIPS = (Format.ZIP, Format.JSON_LINES)
"""Formats that are a zip of images and tables."""

ANNOTATED = (Format.COCO, Format.YOLO)
"""Formats that are a zip of images and boxes; `annotated.py` writes them."""

FILES = (Format.CSV, Format.PARQUET, *ZIPS, *ANNOTATED)
"""Formats that are one file."""


def suffix_of(form: Format) -> str:
    """Return the suffix of the file of an export, empty for a folder."""
    if form in (*ZIPS, *ANNOTATED):
        return ".zip"
    return f".{form}" if form in FILES else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Export:
    """An export of a dataset."""

    id: str
    """Name of its folder: dataset, date, format."""

    dataset: str
    format: Format
    path: Path
    """The file, or the folder of the tree."""

    created: str
    """ISO 8601, UTC."""

    num_images: int
    num_left_out: int
    """Number of images that could not be exported; a tree lists them in left-out.csv."""

    size_bytes: int


def stem_of(dataset: str) -> str:
    """Return the prefix of the names of a dataset's exports."""
    return dataset[:MAX_DATASET_LENGTH]


def list_exports(workspace: Workspace, dataset: str) -> list[Export]:
    """Return a dataset's exports, newest first. Reads one small file for each."""
    found = []
    for folder in workspace.exports.glob(f"{stem_of(dataset)}-*"):
        if folder.name.startswith(DRAFT_PREFIX):
            continue
        try:
            export = describe_export(workspace, read_manifest(folder))
        except (DamagedArtifactError, MissingError, NotADirectoryError):
            continue
        if export.dataset == dataset:
            found.append(export)
    return sorted(found, key=lambda export: (export.created, export.id), reverse=True)


def describe_export(workspace: Workspace, manifest: Manifest) -> Export:
    """Return the export that a manifest describes."""
    folder, summary = workspace.exports / manifest.id, manifest.summary
    return Export(
        id=manifest.id,
        dataset=manifest.made_from["dataset"],
        format=Format(summary["format"]),
        path=folder / summary["file"],
        created=manifest.created,
        num_images=summary["num_images"],
        num_left_out=summary["num_left_out"],
        size_bytes=summary["size_bytes"],
    )


Record = dict[str, Any]
Write = Callable[[Sequence[Record]], None]

COLUMNS = {
    "id": "int64",  # In the dataset; never reused for another image
    "file": "string",  # Absolute path of the original, or its address
    "path": "string",  # Path relative to the dataset's folder
    "label": "string",
    "split": "string",
    "tags": "list",  # Sorted; a JSON list in CSV
} | {name: column.exported for name, column in ROW_COLUMNS.items() if column.exported}
"""Name → type of each column."""

FILE_NAME = "file_name"
"""First column in a tree: path of the image relative to the folder of the table."""


def record_of(dataset: Dataset, image: ImageRow, tags: Sequence[str]) -> Record:
    """Return the row of an image."""
    exported = {name: getattr(image, name) for name in COLUMNS if name in ROW_COLUMNS}
    return exported | {
        "file": readable(dataset.place_of(image)),
        "tags": list(tags),
        "excluded": bool(image.excluded),
    }


def as_csv(records: Iterable[Record], columns: Sequence[str]) -> bytes:
    """Return rows as CSV with a header; a column that a row lacks is empty in it."""
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, columns)
    writer.writeheader()
    writer.writerows(records)
    return file.getvalue().encode()


@contextmanager
def csv_table(path: Path, columns: Sequence[str] = tuple(COLUMNS)) -> Iterator[Write]:
    """Yield a function that writes rows to the new file `path`.

    Raises:
        OSError: It cannot be written.
    """
    with path.open("xb") as raw, io.TextIOWrapper(raw, "utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        yield lambda records: writer.writerows(
            record | {"tags": json.dumps(record["tags"], ensure_ascii=False)}
            if "tags" in record
            else record
            for record in records
        )


@contextmanager
def json_lines_table(path: Path) -> Iterator[Write]:
    """Yield a function that writes rows to the new file `path`, an object in each line.

    Raises:
        OSError: It cannot be written.
    """
    with path.open("xb") as file:
        yield lambda records: file.writelines(
            json.dumps(record, ensure_ascii=False).encode() + b"\n" for record in records
        )


@contextmanager
def parquet_table(path: Path) -> Iterator[Write]:
    """Yield a function that writes rows to the new file `path`, a row group per call.

    Raises:
        OSError: It cannot be written.
    """
    import pyarrow as pa  # Comes with Streamlit
    from pyarrow import parquet

    kinds = {"int64": pa.int64(), "string": pa.string(), "bool": pa.bool_()}
    kinds["list"] = pa.list_(pa.string())
    schema = pa.schema([(name, kinds[kind]) for name, kind in COLUMNS.items()])
    with path.open("xb") as file, parquet.ParquetWriter(file, schema) as writer:
        yield lambda records: writer.write_table(pa.Table.from_pylist(list(records), schema))
