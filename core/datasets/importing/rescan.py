"""Rescan of a dataset's folders: which files are new, changed, moved or gone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.datasets.catalog import GONE, SCANNED
from core.datasets.columns import NO_SPLIT, ImageFilter, ImageRow, Split
from core.datasets.importing.reading import (
    EMPTY_SHA256,
    ScannedFile,
    read_files,
    scanned_files,
)
from core.datasets.layout import find_files
from core.datasets.registry import Dataset, open_dataset
from core.progress import Progress, Work
from core.workspace import Workspace

COMPARED = ("size_bytes", "modified_ns", "sha256", "problem", *SCANNED)
"""Columns of which one differs when a file has changed, or was read by an earlier version."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rescanned:
    """Number of files by what a rescan found."""

    num_new: int
    num_changed: int
    num_moved: int
    """Files with known content under another path; they keep their tags and splits."""

    num_gone: int


def rescan(workspace: Workspace, name: str, *, verify_all: bool = False) -> Work[Rescanned]:
    """Update the catalog of a dataset from its folders.

    Files with the same size and time as before are not read, unless `verify_all`. Images keep
    their splits, tags and given labels; new ones join the split that their folder names, else
    train.

    Raises:
        MissingError: A root of the dataset is not where it was.
    """
    dataset = open_dataset(workspace, name)
    yield Progress(0, 0, "looking for images")
    new: list[ScannedFile] = []
    again: dict[int, ScannedFile] = {}
    missing: list[int] = []
    for number in range(len(dataset.roots)):
        known = dataset.catalog.known_files(number)
        for file in _scan(dataset, number):
            before = known.pop(file.path, None)
            if before is None:
                new.append(file)
            elif verify_all or before[1:] != (file.size_bytes, file.modified_ns):
                again[before[0]] = file
        missing += [image_id for image_id, _, _ in known.values()]
    rows = yield from read_files([root.path for root in dataset.roots], [*again.values(), *new])
    old_rows = dataset.catalog.rows_by_id([*again, *missing])
    reread = dict(zip(again, rows, strict=False))
    changed = {i: row for i, row in reread.items() if _differ(old_rows[i], row)}
    new_rows = rows[len(again) :]
    moved = _moved(new_rows, [old_rows[image_id] for image_id in sorted(missing)])
    renamed = set(moved.values())
    added = [row for row in new_rows if row not in renamed]
    gone = [i for i in missing if i not in moved and old_rows[i].problem != GONE]
    if added or changed or moved or gone:
        dataset.catalog.write(new=added, changed=changed | moved, gone=gone)
        _join_train(dataset)
    return Rescanned(
        num_new=len(added),
        num_changed=sum(old_rows[i].sha256 != row.sha256 for i, row in changed.items()),
        num_moved=len(moved),
        num_gone=len(gone),
    )


def _scan(dataset: Dataset, number: int) -> Iterator[ScannedFile]:
    root = dataset.require_root(number)
    folders = find_files(root.path, frozenset(dataset.left_out))
    return scanned_files(number, folders, root.layout)


def _differ(before: ImageRow, now: ImageRow) -> bool:
    return any(getattr(before, name) != getattr(now, name) for name in COMPARED)


def _moved(new: Sequence[ImageRow], missing: Sequence[ImageRow]) -> dict[int, ImageRow]:
    """Match new files with missing ones of the same content: image id → the new file.

    If several have the same content, they are matched in order of the missing images' ids.
    """
    by_content: dict[str, list[int]] = {}
    for row in reversed(missing):
        if row.sha256 != EMPTY_SHA256:
            by_content.setdefault(row.sha256, []).append(row.id)
    moved = {}
    for row in new:
        if ids := by_content.get(row.sha256):
            moved[ids.pop()] = row
    return moved


def _join_train(dataset: Dataset) -> None:
    rows = dataset.catalog.rows(ImageFilter(splits=(NO_SPLIT,)))
    dataset.catalog.set_splits({row.id: Split.TRAIN for row in rows if row.label is not None})
