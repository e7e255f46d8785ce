"""Tables of text: CSV with commas or semicolons, and TSV."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from core.datasets.annotations.roles import NAMES, column_key
from core.datasets.annotations.tables import BadRowError, Row, Table
from core.datasets.annotations.texts import open_text
from core.datasets.image_names import is_image_name
from core.errors import WorkbenchError

DELIMITERS = ",;\t|"
KNOWN = frozenset(key for keys in NAMES.values() for key in keys)
MAX_HEADER = 1 << 16
"""Most characters of a header."""


def open_delimited(file: Path) -> Table:
    """Open a table of text whose first line names its columns; the delimiter is recognized.

    Raises:
        MissingError: There is no such file.
        WorkbenchError: It is too large, is not a text file, or has no header.
    """
    stream, notes = open_text(file)
    header = stream.readline(MAX_HEADER)
    while header and not header.strip():
        header = stream.readline(MAX_HEADER)
    delimiter = _delimiter_of(header)
    has_spaces = f"{delimiter} " in header and header.count(f"{delimiter} ") == header.count(
        delimiter
    )
    names = _cells(header, delimiter, is_spaced=has_spaces)
    if not any(names):
        raise WorkbenchError(
            f"{file.name} is empty.", "Its first line must name the columns, such as path,label."
        )
    if not any(column_key(name) in KNOWN for name in names) and any(map(_is_path, names)):
        raise WorkbenchError(
            f"{file.name} has no header: its first line is “{header.strip()[:80]}”.",
            "Add a first line with the names of the columns, such as path,label.",
        )
    stream.seek(0)
    rows = _rows(stream, names, delimiter, file.name, is_spaced=has_spaces)
    return Table(name=file.name, columns=names, rows=rows, notes=notes)


def _is_path(text: str) -> bool:
    return bool(text) and is_image_name(text)


def _cells(line: str, delimiter: str, *, is_spaced: bool) -> list[str]:
    try:
        cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=is_spaced), [])
    except csv.Error:
        cells = []
    return [cell.strip() for cell in cells]


def _delimiter_of(header: str) -> str:
    """Return the delimiter that makes the most known columns of a header, else the most columns."""

    def score(delimiter: str) -> tuple[int, int]:
        cells = _cells(header, delimiter, is_spaced=True)
        return sum(column_key(cell) in KNOWN for cell in cells), len(cells)

    return max(DELIMITERS, key=score)


def _rows(
    stream: TextIO, names: list[str], delimiter: str, file: str, *, is_spaced: bool
) -> Iterator[Row | BadRowError]:
    with stream:
        reader = csv.reader(stream, delimiter=delimiter, strict=True, skipinitialspace=is_spaced)
        is_header, line = True, 1
        while True:
            try:
                cells = next(reader, None)
            except csv.Error as error:
                if "unexpected end" in str(error) or "field larger" in str(error):
                    raise WorkbenchError(
                        f"A quote in line {line:,} of {file} is never closed, or a field is too "
                        "long.",
                        "Close the quote, or leave out that column.",
                    ) from error
                yield BadRowError(f"line {line:,}: quotes are wrong")
                line = reader.line_num + 1
                continue
            if cells is None:
                return
            if any(cells) and is_header:
                is_header = False
            elif any(cells):
                yield _row(cells, names, line)
            line = reader.line_num + 1


def _row(cells: list[str], names: list[str], line: int) -> Row | BadRowError:
    while len(cells) > len(names) and not cells[-1]:  # Spreadsheets end lines with delimiters
        cells.pop()
    if len(cells) != len(names):
        return BadRowError(f"line {line:,}: {len(cells)} fields in place of {len(names)}")
    return line, dict(zip(names, cells, strict=True))
