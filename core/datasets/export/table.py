"""Table of an export: one row per image, as CSV or Parquet, written in parts.

CSV is RFC 4180 in UTF-8 and exact: texts that begin with =, +, - or @ are not escaped, so import it
as data instead of opening it in a spreadsheet. Empty cells are None. To read it back:
`pandas.read_csv(path, dtype={"label": str}, keep_default_na=False)`, because a class may be named
007 or NA; and `json.loads` for the tags. Parquet has types, None and lists of its own.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.datasets.columns import ROW_COLUMNS, ImageRow
from core.datasets.layout import readable
from core.datasets.registry import Dataset

Record = dict[str, Any]
Write = Callable[[Sequence[Record]], None]

COLUMNS = {
    "id": "int64",  # In the dataset; never reused for another image
    "file": "string",  # Absolute path of the original
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
        "file": readable(str(dataset.path_of(image))),
        "tags": list(tags),
        "excluded": bool(image.excluded),
    }


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
