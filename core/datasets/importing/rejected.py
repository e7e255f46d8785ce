"""Lists of the files of a dataset's sources that were not imported, beside its catalog."""

import json
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from core.datasets.registry import Dataset
from core.datasets.tally import Rejected, Tally
from core.files import read_json, write_atomically, write_json
from core.options import from_json

ARCHIVE, FOLDERS = "refused.json", "skipped.json"
"""Files with what an archive held, written once, and what the last scan of the folders skipped."""


@dataclass(frozen=True, slots=True)
class NotImported:
    """The files that were not imported."""

    files: list[Rejected] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    """Reason → number of files; `files` has at most `MAX_LISTED` of them."""


@dataclass(frozen=True, slots=True)
class _Skipped:
    counts: dict[str, int]
    files: list[tuple[str, str]]


def write_rejected(folder: Path, rejected: Sequence[Rejected]) -> None:
    """Store rejected files of an archive in a dataset's folder."""
    if rejected:
        write_json(folder / ARCHIVE, [asdict(file) for file in rejected])


def write_skipped(folder: Path, tallies: Sequence[Tally]) -> None:
    """Store what a scan skipped in a dataset's folder, in place of what the one before did."""
    counts: Counter[str] = Counter()
    for tally in tallies:
        counts.update(tally.counts)
    files = [(file.path, file.problem) for tally in tallies for file in tally.rejected]
    text = json.dumps({"counts": counts, "files": files}, ensure_ascii=False)
    write_atomically(folder / FOLDERS, lambda file: file.write(text.encode()))


def read_rejected(folder: Path) -> NotImported:
    """Return the files of a dataset's sources that were not imported.

    A list that cannot be read counts as empty.
    """
    files, counts = list[Rejected](), Counter[str]()
    with suppress(OSError, ValueError, TypeError):
        files = [from_json(Rejected, each) for each in read_json(folder / ARCHIVE)]
        counts.update(file.problem for file in files)
    with suppress(OSError, ValueError, TypeError):
        found = from_json(_Skipped, read_json(folder / FOLDERS))
        files += [Rejected(*each) for each in found.files]
        counts.update(found.counts)
    return NotImported(files, counts)


def group_problems(dataset: Dataset) -> dict[str, list[str]]:
    """Return reason → paths of the files that were not imported or cannot be used.

    The largest group is first.
    """
    groups: dict[str, list[str]] = {}
    for row in dataset.catalog.problems():
        name, problem = row.path.rpartition("/")[2], row.problem or ""
        reason = f"The file{problem.removeprefix(name)}" if problem.startswith(name) else problem
        groups.setdefault(reason, []).append(row.path)
    for file in read_rejected(dataset.folder).files:
        reason = f"{file.problem[:1].upper()}{file.problem[1:]}"
        groups.setdefault(reason, []).append(file.path)
    largest = sorted(groups.items(), key=lambda group: -len(group[1]))
    return {reason: sorted(paths) for reason, paths in largest}
