"""Parquet tables with a row for each image."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.datasets.annotations.objects import OBJECTS
from core.datasets.annotations.tables import Row, Table
from core.datasets.annotations.texts import check_size
from core.errors import WorkbenchError

BATCH = 20_000
"""Rows that are decoded at once."""


def open_parquet(file: Path) -> Table:
    """Open a Parquet table; columns with bytes or nested values but boxes are left out.

    Raises:
        MissingError: There is no such file.
        WorkbenchError: It is too large or damaged.
    """
    import pyarrow as pa  # Comes with Streamlit
    from pyarrow import parquet, types

    check_size(file)
    try:
        opened = parquet.ParquetFile(file)
        schema = opened.schema_arrow
        columns = [each.name for each in schema if not _is_nested(each, types)]
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _damaged(file.name) from error
    return Table(
        name=file.name, columns=columns, rows=_rows(opened, columns, file.name), line="row"
    )


def _is_nested(field: Any, types: Any) -> bool:
    if field.name == OBJECTS:
        return False
    kind = field.type
    is_list = types.is_list(kind) or types.is_large_list(kind)
    if is_list:
        return not (types.is_string(kind.value_type) or types.is_large_string(kind.value_type))
    is_bytes = types.is_binary(kind) or types.is_large_binary(kind)
    return bool(types.is_nested(kind) or is_bytes)


def _rows(opened: Any, columns: list[str], name: str) -> Iterator[Row]:
    import pyarrow as pa

    number = 0
    with opened:
        try:
            for batch in opened.iter_batches(BATCH, columns=columns):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise _damaged(name) from error


def _damaged(name: str) -> WorkbenchError:
    return WorkbenchError(f"{name} is damaged or not a Parquet table.", "Write it again.")
