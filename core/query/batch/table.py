"""The table of a batch: a row for each query, as CSV or Parquet, written some rows at a time.

With pandas it is read, and made a row for each match, by

    lists = ["match_ids", "match_paths", "match_labels", "similarities"]
    table = pandas.read_parquet(path)
    matches = table[["query", *lists]].explode(lists)

and a CSV by

    table = pandas.read_csv(
        path,
        dtype=dict.fromkeys(["query", "problem", "prediction"], str),
        converters=dict.fromkeys(lists, json.loads),
        keep_default_na=False,  # for a class may be called NA
        na_values={"probability": "", "copy_of": ""},
    )

CSV is as `core.datasets.export_table` has it: UTF-8 and exact, so nothing is put before names that
begin with =, +, - or @; open it as data, not by a double click in a spreadsheet.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from core.datasets.export.table import Record, Write, csv_table
from core.query.batch.config import BatchFormat

COLUMNS = {
    "query": "string",  # The image's path from the folder or zip on
    "problem": "string",  # Why it was not answered; the rest is then empty
    "prediction": "string",  # The likeliest class, for a model that knows any
    "probability": "float32",  # Of that class
    "copy_of": "int64",  # The first match whose file has the very same bytes
    "match_ids": "int64s",  # Catalog ids, best first
    "match_paths": "strings",  # None where an image was removed from the dataset since
    "match_labels": "strings",
    "similarities": "float32s",  # Cosine similarities
}
"""Name → type of each column."""

MATCHES_AT_ONCE = 1 << 15
"""Matches that are held before they are written; in Parquet a row group."""

LISTS = tuple(name for name, kind in COLUMNS.items() if kind.endswith("s"))


@contextmanager
def batch_table(path: Path, form: BatchFormat, facts: Mapping[str, str]) -> Iterator[Write]:
    """Give what writes rows into the new file `path`.

    Args:
        path: Of the table.
        form: What it is written as.
        facts: What it was made from; Parquet carries that itself, CSV has no room for it.

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
    """Read the first rows of a table; in each column of `LISTS` a list."""
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


def unanswered(query: str, problem: str) -> Record:
    """Return the row of a query without an answer."""
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
    """Return how many rows with `k` matches each are written together."""
    return max(MATCHES_AT_ONCE // k, 1)
