"""Annotations of a source: which of its files annotate it, and which images they mean."""

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from core.datasets.annotations.annotated import NOT_ANNOTATED, Annotated
from core.datasets.annotations.annotation import Annotation
from core.datasets.annotations.file_names import (
    NO_ANNOTATIONS,
    is_listing_name,
    metadata_files,
)
from core.datasets.annotations.formats import (
    boxed_files,
    columns_of,
    detect_format,
    read_annotations,
)
from core.datasets.annotations.labeled_tables import labeled_tables, split_of_table
from core.datasets.annotations.matching import match
from core.datasets.annotations.merging import Problems, joined
from core.datasets.annotations.patterns import parse_pattern
from core.datasets.annotations.roles import Columns, column_key, recognize_columns
from core.datasets.layout import Labels, Layout, Reading
from core.errors import MissingError, WorkbenchError

MIN_SHARE = 0.5
"""Share of the images that a table must annotate to be used without being chosen."""

MAX_TABLES = 8
"""Most tables that are read to find the one to use."""


def annotate(
    root: Path, candidates: Sequence[str], paths: Sequence[str], reading: Reading
) -> Annotated:
    """Return the annotations of a source: those that the reading names, else what is recognized.

    Args:
        root: Folder of the source, or of its annotation files.
        candidates: Paths of the files that may annotate images, relative to the root.
        paths: Paths of the images.
        reading: How the source is to be read.

    Raises:
        MissingError: The annotation file that the reading names is not there.
        WorkbenchError: It cannot be read or names none of the images, or the pattern is invalid.
    """
    if reading.pattern:
        return _from_names(paths, reading.pattern)
    if reading.annotations == NO_ANNOTATIONS:
        return NOT_ANNOTATED
    if reading.annotations:
        return _from_files(root, (reading.annotations,), paths, reading.columns)
    if reading.labels != Labels.AUTO:
        return NOT_ANNOTATED
    return _recognized(root, candidates, paths, reading.columns)


def annotate_again(
    root: Path, candidates: Sequence[str], paths: Sequence[str], layout: Layout
) -> Annotated:
    """Return the annotations of a root of a dataset, as they are now; see `annotate`."""
    if layout.pattern:
        return _from_names(paths, layout.pattern)
    if not layout.annotations:
        return NOT_ANNOTATED
    files = layout.annotations
    if metadata_files(list(files)) == files:  # Folders may have come or gone, with their files
        files = tuple(sorted({*files, *metadata_files(list(candidates))}))
        files = tuple(file for file in files if (root / file).is_file()) or files[:1]
    return _from_files(root, files, paths, layout.columns)


def offered(root: Path, candidates: Sequence[str]) -> list[str]:
    """Return the files that a user may choose as annotations, those near the root first."""
    known = [path for path in candidates if detect_format(root / path)]
    return sorted(known, key=lambda path: (path.count("/"), path))


def _from_names(paths: Sequence[str], text: str) -> Annotated:
    pattern = parse_pattern(text)
    images = {path: found for path in paths if (found := pattern.read(path)) is not None}
    return Annotated(
        images=images,
        pattern=text,
        has_labels="{class}" in text,
        without=tuple(path for path in paths if path not in images),
    )


def _from_files(
    root: Path, files: Sequence[str], paths: Sequence[str], columns: Columns
) -> Annotated:
    """Return what files say about the images.

    Raises:
        MissingError, WorkbenchError: As `annotate`.
    """
    images: dict[str, Annotation] = {}
    unused: list[str] = []
    notes: list[str] = []
    parts: list[str] = []
    problems, has_labels = Problems(), False
    for file in files:
        split = split_of_table(file) if len(files) > 1 else None
        read = read_annotations(root, root / file, columns, split)
        folder = posixpath.dirname(file) if is_listing_name(file) else ""
        found = match(read.images, paths, folder)
        if not found.images:
            raise _without_match(file, read.images, paths)
        for path, each in found.images.items():
            known = images.get(path)
            images[path] = joined(known, each, path, problems) if known else each
        unused += found.unused
        problems.add_all(read.problems, read.num_problems)
        named = [f"{file}: {each}" for each in found.problems.sentences]
        problems.add_all(named, found.problems.number)
        notes += read.notes
        parts += read.parts
        has_labels = has_labels or any(each.label for each in read.images.values())
    return Annotated(
        images=images,
        files=tuple(files),
        columns=columns,
        has_labels=has_labels,
        unused=tuple(unused),
        without=tuple(path for path in paths if path not in images),
        problems=tuple(problems.sentences),
        num_problems=problems.number,
        notes=tuple(notes),
        parts=tuple(parts),
    )


def _without_match(
    file: str, named: Mapping[str, Annotation], paths: Sequence[str]
) -> WorkbenchError:
    if not named:
        return WorkbenchError(f"{file} has no rows.", "Choose another file.")
    row, image = next(iter(named))[:80], next(iter(paths), "")[:80]
    return WorkbenchError(
        f"No row of {file} names an image of this source.",
        f"A row has “{row}”, an image is “{image}”; choose another file or column of paths.",
    )


def _recognized(
    root: Path, candidates: Sequence[str], paths: Sequence[str], columns: Columns
) -> Annotated:
    """Return what a source's files say, if it is clear which of them annotate it."""
    notes: list[str] = []
    metadata = [path for path in metadata_files(list(candidates)) if _is_metadata(root / path)]
    groups = [tuple(metadata)] if metadata else []
    for files in [*groups, *boxed_files(root, candidates)]:
        try:
            found = _from_files(root, files, paths, columns)
        except WorkbenchError as error:
            notes.append(f"{files[0]} is not used: {error.problem}")
            continue
        if len(found.images) >= MIN_SHARE * len(paths):
            return replace(found, is_recognized=True)
        count = f"{len(found.images):,} of {len(paths):,} images"
        notes.append(f"{files[0]} is not used: it names only {count}.")
    return _recognized_table(root, candidates, paths, columns, notes)


def _recognized_table(
    root: Path,
    candidates: Sequence[str],
    paths: Sequence[str],
    columns: Columns,
    notes: list[str],
) -> Annotated:
    """Return what the tables of the splits, or the one table, say that label most images.

    If that is not clear, there are only notes.
    """
    fitting = []
    for files in labeled_tables(root, candidates, paths, columns)[:MAX_TABLES]:
        try:
            found = _from_files(root, files, paths, columns)
        except WorkbenchError:
            continue
        if len(found.images) >= MIN_SHARE * len(paths):
            fitting.append(found)
            if len(files) > 1:
                break
    if len(fitting) == 1:
        return replace(fitting[0], is_recognized=True)
    if fitting:
        names = " and ".join(each.files[0] for each in fitting[:2])
        notes.append(f"{names} both have labels; choose one to use it.")
    return Annotated(notes=tuple(notes))


def _is_metadata(file: Path) -> bool:
    """Return whether a table has Hugging Face's column of paths, and one that is used here."""
    try:
        names = columns_of(file)
    except (WorkbenchError, MissingError):
        return True  # Why it cannot be used is said where it is read
    roles = recognize_columns(names)
    return len(roles) > 1 and any(column_key(name) == "filename" for name in names)
