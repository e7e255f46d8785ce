"""Export of a query result: as a table, as JSON, or as a zip of the images.

CSV is as in `core.datasets.export.listing`: UTF-8 and exact, also names that look like formulas.
"""

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from core.artifacts.folders import draft
from core.datasets.export.listing import Format, Record, as_csv
from core.datasets.export.names import FreeNames, fit
from core.datasets.export.tree import open_tree, read_original
from core.datasets.layout import readable
from core.datasets.registry import Dataset
from core.query.result import Match, QueryResult, shares_as_json
from core.workspace import Workspace

COLUMNS = ("rank", "image_id", "similarity", "label", "path", "split", "file", "sha256")
"""Columns of the table: rank from 1; path relative to the dataset's root; file absolute, on the
machine that runs the app, or an address. The columns after similarity are empty for an image that
was removed from the dataset."""

FILE_NAME, PROBLEM = "file_name", "problem"
"""The first and the last column of a zip's table: the image in the zip, or why it is not there."""

MATCHES_CSV, RESULT_JSON = "matches.csv", "result.json"
ARCHIVE = "matches.zip"
NO_NAME = "positive examples"
"""In place of the name of a query without images."""

REMOVED = "The image was removed from the dataset."

MAX_QUERY_LENGTH = 60
"""Characters of the query's name in the name of an exported file."""

UNFIT_ON_WINDOWS = str.maketrans(dict.fromkeys('<>"|?*', "_"))
"""A zip may be unpacked on any system, unlike an exported folder, whose names are exact."""


def file_stem(result: QueryResult) -> str:
    """Return the name of an exported file, before its suffix."""
    name = os.path.splitext((result.name or NO_NAME).rpartition("/")[2])[0]
    return f"matches-of-{_fit(name)[:MAX_QUERY_LENGTH]}"


def matches_as_csv(dataset: Dataset, result: QueryResult) -> bytes:
    """Return a table with a row for each match, best first; see `COLUMNS`."""
    return as_csv(_records(dataset, result.matches), COLUMNS)


def result_as_json(dataset: Dataset, result: QueryResult) -> bytes:
    """Return the query, the index and the matches, best first, as JSON."""
    content = {
        "query": {"name": readable(result.name or NO_NAME), **result.query.as_json()},
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "index": result.index.id,
        "index_fingerprint": result.index.fingerprint,
        "made_from": result.index.made_from,
        "prediction": shares_as_json(result.prediction),
        "matches": _records(dataset, result.matches),
    }
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def matches_as_zip(workspace: Workspace, dataset: Dataset, result: QueryResult) -> bytes:
    """Return a zip of the image files, with the table and the JSON.

    Names begin with the rank. An image that is gone, unreadable or changed since the last scan is
    left out, and the table says why. The zip is written to disk first, so that it is in memory
    only once.

    Raises:
        OSError: The disk is full.
    """
    with draft(workspace.exports) as folder:
        _pack(folder, dataset, result)
        return (folder / ARCHIVE).read_bytes()


def num_bytes_of(matches: Sequence[Match]) -> int:
    """Return the size of the image files at the last scan; a zip of them is hardly larger."""
    return sum(match.image.size_bytes for match in matches if match.image)


def _pack(folder: Path, dataset: Dataset, result: QueryResult) -> None:
    matches = result.matches
    names, width = FreeNames((MATCHES_CSV, RESULT_JSON)), max(3, len(str(len(matches))))
    records = _records(dataset, matches)
    with open_tree(folder, Format.ZIP, ARCHIVE) as add:
        for match, record in zip(matches, records, strict=True):
            name, problem = "", REMOVED
            if match.image is not None:
                original = dataset.path_of(match.image)
                content, problem = read_original(original, match.image, to_link=False)
                if not problem:
                    rank = f"{record['rank']:0{width}}"
                    name = names.take(*_name(rank, match.image.label, match.image.path))
                    add(name, original, content)
            record |= {FILE_NAME: name, PROBLEM: problem}
        add(MATCHES_CSV, folder, as_csv(records, (FILE_NAME, *COLUMNS, PROBLEM)))
        add(RESULT_JSON, folder, result_as_json(dataset, result))


def _name(rank: str, label: str | None, path: str) -> tuple[str, str]:
    """Return the stem and the suffix of an image's name in a zip."""
    stem, suffix = os.path.splitext(path.rpartition("/")[2])
    named = "-".join(part for part in (rank, label, stem) if part)
    return _fit(named), suffix


def _fit(name: str) -> str:
    return fit(name).translate(UNFIT_ON_WINDOWS)


def _records(dataset: Dataset, matches: Sequence[Match]) -> list[Record]:
    return [_record(dataset, match, rank) for rank, match in enumerate(matches, 1)]


def _record(dataset: Dataset, match: Match, rank: int) -> Record:
    image = match.image
    record: Record = dict.fromkeys(COLUMNS)
    record |= {"rank": rank, "image_id": match.image_id, "similarity": match.similarity}
    if image is not None:
        record |= {
            "label": image.label,
            "path": image.path,
            "split": image.split,
            "file": readable(dataset.place_of(image)),
            "sha256": image.sha256,
        }
    return record
