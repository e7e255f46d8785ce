"""Table of a batch query: one row for each query, as CSV or Parquet, written in chunks.

To read a Parquet table with pandas, and to get one row for each match:

    lists = ["match_ids", "match_paths", "match_labels", "similarities"]
    table = pandas.read_parquet(path)
    matches = table[["query", *lists]].explode(lists)

For CSV:

    table = pandas.read_csv(
        path,
        dtype=dict.fromkeys(["query", "problem", "prediction"], str),
        converters=dict.fromkeys(lists, json.loads),
        keep_default_na=False,  # for a class may be called NA
        na_values={"probability": "", "copy_of": ""},
    )

CSV is as in `core.datasets.export.listing`: UTF-8 and exact. Names that begin with =, +, - or @ are
not escaped: import the file as data instead of opening it in a spreadsheet.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from core.datasets.export.listing import Record, Write, csv_table
from core.query.batch.config import BatchFormat

COLUMNS = {
    "query": "string",  # The image's path in the folder or zip
    "problem": "string",  # Why there is no result; the other columns are then empty
    "prediction": "string",  # The most probable class, if the model has a classifier
    "probability": "float32",  # Of that class
    "copy_of": "int64",  # The first match whose file has the same bytes
    "match_ids": "int64s",  # Catalog ids, best first
    "match_paths": "strings",  # None where an image was removed from the dataset since
    "match_labels": "strings",
    "similarities": "float32s",  # Cosine similarities
}
"""Name → type of each column."""

MATCHES_AT_ONCE = 1 << 15
"""Matches in memory before they are written; in Parquet a row group."""

LISTS = tuple(name for name, kind in COLUMNS.items() if kind.endswith("s"))


@contextmanager
def batch_table(path: Path, form: BatchFormat, facts: Mapping[str, str]) -> Iterator[Write]:
    """Open the new file `path` for writing; yield a function that writes rows.

    The facts are stored in Parquet's metadata, not in CSV.

    Raises:
        OSError: It cannot be written.
    """
    if form == BatchFormat.PARQUET:
        with _parquet(path, facts) as write:
            yield write
    else:
        with csv_table(path, tuple(COLUMNS)) as write:
            yield lambda records: write([_as_text(record) for record in records])


def first_rows(path: Path, form: BatchFormat, count: int) -> pd.DataFrame:
    """Read the first rows of a table; the columns of `LISTS` hold lists."""
    if form == BatchFormat.PARQUET:
        from pyarrow import parquet

        with parquet.ParquetFile(path) as file:
            batch = next(file.iter_batches(count))
        return pd.DataFrame(batch.to_pylist(), columns=list(COLUMNS))
    texts = [name for name, kind in COLUMNS.items() if kind == "string"]
    return pd.read_csv(
        path,
        nrows=count,
        dtype=dict.fromkeys(texts, str),
        converters=dict.fromkeys(LISTS, json.loads),
        keep_default_na=False,  # For a class may be called NA
        na_values={name: "" for name in COLUMNS if name not in (*texts, *LISTS)},
    )


def failed_row(query: str, problem: str) -> Record:
    """Return the row of a query without a result."""
    return {name: [] if name in LISTS else None for name in COLUMNS} | {
        "query": query,
        "problem": problem,
    }


def _as_text(record: Record) -> Record:
    return record | {name: json.dumps(record[name], ensure_ascii=False) for name in LISTS}


@contextmanager
def _parquet(path: Path, facts: Mapping[str, str]) -> Iterator[Write]:
    import pyarrow as pa  # Comes with Streamlit
    from pyarrow import parquet

    kinds = {"string": pa.string(), "int64": pa.int64(), "float32": pa.float32()}
    kinds |= {f"{name}s": pa.list_(kind) for name, kind in kinds.items()}
    schema = pa.schema(
        [(name, kinds[kind]) for name, kind in COLUMNS.items()], metadata=dict(facts)
    )
    with path.open("xb") as file, parquet.ParquetWriter(file, schema) as writer:
        yield lambda records: (  # No rows would be a row group of their own
            writer.write_table(pa.Table.from_pylist(list(records), schema)) if records else None
        )


def rows_at_once(k: int) -> int:
    """Return the number of rows with `k` matches each that are written together."""
    return max(MATCHES_AT_ONCE // k, 1)
