"""Taking the matches of one answer out: as a table, as JSON, or as a zip of the images.

Tables of many answers are the business of `batch.py`. CSV is as `core.datasets.export_table` has
it: UTF-8 and exact, also names that a spreadsheet takes for formulas.
"""

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.artifacts.folders import draft
from core.artifacts.manifests import Manifest
from core.datasets.export.listing import Format
from core.datasets.export.names import FreeNames, fit
from core.datasets.export.table import Record
from core.datasets.export.tree import open_tree, read_original
from core.datasets.layout import readable
from core.datasets.registry import Dataset
from core.workspace import Workspace

if TYPE_CHECKING:
    from core.query.search import Match

COLUMNS = ("rank", "image_id", "similarity", "label", "path", "split", "file", "sha256")
"""Of a table of matches: rank from 1 on; path from the dataset's folder on; file absolute, on the
machine that runs the app. All behind similarity is empty for an image removed from the dataset."""

FILE_NAME, PROBLEM = "file_name", "problem"
"""In a zip's table the first and the last column: the image in the zip, or why it is not there."""

MATCHES_CSV, ANSWER_JSON = "matches.csv", "answer.json"
ARCHIVE = "matches.zip"
REMOVED = "The image was removed from the dataset."

MAX_QUERY_LENGTH = 60
"""Characters of a query's name in that of a file of its matches."""

UNFIT_ON_WINDOWS = str.maketrans(dict.fromkeys('<>"|?*', "_"))
"""A zip is for anybody's machine, unlike an exported tree, whose names are to be exact."""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What was asked, and of which index: what is taken out says so."""

    index: Manifest
    """The index that was searched."""

    query: str
    """What the query is called: an upload's name, or the path of a dataset's image."""

    k: int
    """Matches that were asked for."""

    query_sha256: str = ""
    """Of the query's file, hexadecimal; empty where it was none."""

    query_image: int | None = None
    """Catalog id of the query, if it is an image of the dataset."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    """What else the search went by, such as a filter; as JSON has it."""

    prediction: Sequence[tuple[str, float]] = ()
    """Classes with their probabilities, likeliest first."""

    when: str = field(default_factory=_now)
    """ISO 8601, UTC."""

    @property
    def stem(self) -> str:
        """What a file of the matches is called, before its ending."""
        name = os.path.splitext(self.query.rpartition("/")[2])[0]
        return f"matches-of-{_fit(name)[:MAX_QUERY_LENGTH]}"

    @property
    def facts(self) -> dict[str, Any]:
        """The same as JSON has it, with what the index was made from."""
        return {
            "query": {
                "name": readable(self.query),
                "sha256": self.query_sha256 or None,
                "image_id": self.query_image,
            },
            "when": self.when,
            "k": self.k,
            "settings": dict(self.settings),
            "index": self.index.id,
            "index_fingerprint": self.index.fingerprint,
            "made_from": self.index.made_from,
            "prediction": [
                {"label": label, "probability": share} for label, share in self.prediction
            ],
        }


def matches_as_csv(dataset: Dataset, matches: "Sequence[Match]") -> bytes:
    """Return a table with a row for each match, best first; see `COLUMNS`."""
    return _csv(_records(dataset, matches), COLUMNS)


def matches_as_json(dataset: Dataset, matches: "Sequence[Match]", asked: Asked) -> bytes:
    """Return what was asked, of which index, and the matches, best first."""
    content = asked.facts | {"matches": _records(dataset, matches)}
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def matches_as_zip(
    workspace: Workspace, dataset: Dataset, matches: "Sequence[Match]", asked: Asked
) -> bytes:
    """Return a zip of the images as they are, with the table and what was asked.

    Names begin with the rank. An image that is gone, unreadable or changed since the last scan is
    left out, and the table says why. It is packed on disk, so that memory holds it only once.

    Raises:
        OSError: The disk is full.
    """
    with draft(workspace.exports) as folder:
        _pack(folder, dataset, matches, asked)
        return (folder / ARCHIVE).read_bytes()


def num_bytes_of(matches: "Sequence[Match]") -> int:
    """Return what the images take, as the last scan has it; a zip of them is hardly larger."""
    return sum(match.image.size_bytes for match in matches if match.image)


def _pack(folder: Path, dataset: Dataset, matches: "Sequence[Match]", asked: Asked) -> None:
    names, width = FreeNames((MATCHES_CSV, ANSWER_JSON)), max(3, len(str(len(matches))))
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
        table = _csv(records, (FILE_NAME, *COLUMNS, PROBLEM))
        add(MATCHES_CSV, folder, table)
        add(ANSWER_JSON, folder, matches_as_json(dataset, matches, asked))


def _name(rank: str, label: str | None, path: str) -> tuple[str, str]:
    """Return what an image is called in a zip, and what that ends in."""
    stem, suffix = os.path.splitext(path.rpartition("/")[2])
    named = "-".join(part for part in (rank, label, stem) if part)
    return _fit(named), suffix


def _fit(name: str) -> str:
    return fit(name).translate(UNFIT_ON_WINDOWS)


def _records(dataset: Dataset, matches: "Sequence[Match]") -> list[Record]:
    return [_record(dataset, match, rank) for rank, match in enumerate(matches, 1)]


def _record(dataset: Dataset, match: "Match", rank: int) -> Record:
    image = match.image
    record: Record = dict.fromkeys(COLUMNS)
    record |= {"rank": rank, "image_id": match.image_id, "similarity": match.similarity}
    if image is not None:
        record |= {
            "label": image.label,
            "path": image.path,
            "split": image.split,
            "file": readable(str(dataset.path_of(image))),
            "sha256": image.sha256,
        }
    return record


def _csv(records: Sequence[Record], columns: Sequence[str]) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, columns)
    writer.writeheader()
    writer.writerows(records)
    return file.getvalue().encode()
