"""JSON Lines: an object for each image, such as Hugging Face's `metadata.jsonl`."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TextIO

from core.datasets.annotations.tables import BadRowError, Row, Table
from core.datasets.annotations.texts import open_text
from core.errors import WorkbenchError
from core.files import JsonError, parse_json

MAX_LINE = 1 << 20
"""Most characters of a line."""

HEAD_ROWS = 200
"""Rows whose keys are the columns."""


def open_json_lines(file: Path) -> Table:
    """Open a file with a JSON object in each line; the keys of the first ones are its columns.

    Raises:
        MissingError: There is no such file.
        WorkbenchError: It is too large, is not a text file, or has no objects in its first lines.
    """
    stream, notes = open_text(file)
    with stream:
        head = list(islice(_rows(stream), HEAD_ROWS))
    columns = dict.fromkeys(key for row in head if isinstance(row, tuple) for key in row[1])
    if not columns:
        problem = f"{file.name} has no JSON objects."
        raise WorkbenchError(problem, 'Write one in each line: {"file_name": …, "label": …}.')
    stream, _ = open_text(file)
    return Table(name=file.name, columns=list(columns), rows=_rows(stream), notes=notes)


def _rows(stream: TextIO) -> Iterator[Row | BadRowError]:
    with stream:
        number = 0
        while line := stream.readline(MAX_LINE):
            number += 1
            if not line.endswith("\n") and len(line) >= MAX_LINE:
                while (rest := stream.readline(MAX_LINE)) and not rest.endswith("\n"):
                    pass
                yield BadRowError(f"line {number:,}: it is too long")
            elif line.strip():
                yield _row(line, number)


def _row(line: str, number: int) -> Row | BadRowError:
    try:
        content = parse_json(line)
    except JsonError:
        return BadRowError(f"line {number:,}: it is not valid JSON")
    if not isinstance(content, dict):
        return BadRowError(f"line {number:,}: it is not a JSON object")
    if "\\ud" in line.lower() and not _is_text(content):
        return BadRowError(f"line {number:,}: it has an unpaired surrogate")
    return number, content


def _is_text(content: object) -> bool:
    """Return whether all texts can be encoded: escapes in JSON may be unpaired surrogates."""
    try:
        json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
