"""Tables that may label a source: one with paths and labels, or one for each split."""

import posixpath
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from core.datasets.annotations.file_names import is_table_name
from core.datasets.annotations.formats import columns_of
from core.datasets.annotations.roles import Columns, Role, recognize_columns
from core.datasets.columns import Split
from core.datasets.folder_names import split_of_name
from core.errors import WorkbenchError


def labeled_tables(
    root: Path, candidates: Sequence[str], paths: Sequence[str], columns: Columns
) -> list[tuple[str, ...]]:
    """Return groups of tables of which one may label the images, the likeliest first.

    The tables of different splits in one folder, such as train.csv and test.csv, are a group; one
    of them may be without labels. Each other table is a group alone.

    Args:
        root: Folder of the source.
        candidates: Paths of its files, relative to the root.
        paths: Paths of the images.
        columns: Columns that a user has chosen.
    """
    above = _folders_above(paths)
    tables = sorted(path for path in candidates if posixpath.dirname(path) in above)
    roles = {path: _roles(root / path, columns) for path in tables}
    labeled = [path for path in tables if {Role.PATH, Role.LABEL} <= roles[path]]
    groups: dict[str, dict[Split, str]] = {}
    for path in [path for path in tables if Role.PATH in roles[path]]:
        if split := split_of_table(path):
            groups.setdefault(posixpath.dirname(path), {}).setdefault(split, path)
    of_splits = [tuple(group.values()) for group in groups.values() if len(group) > 1]
    return [
        *(group for group in of_splits if not labeled or {*group} & {*labeled}),
        *((path,) for path in labeled),
    ]


def split_of_table(path: str) -> Split | None:
    """Return the split that the name of a table means."""
    return split_of_name(PurePosixPath(path).stem)


def _roles(file: Path, columns: Columns) -> set[Role]:
    """Return what the columns of a table are; empty if a file is not a table."""
    try:
        return set(recognize_columns(columns_of(file), columns) if is_table_name(file.name) else ())
    except WorkbenchError:
        return set()


def _folders_above(paths: Sequence[str]) -> set[str]:
    """Return the folders that all images are below, and the root."""
    common = posixpath.dirname(paths[0]) if paths else ""
    for path in paths:
        while common and not path.startswith(f"{common}/"):
            common = posixpath.dirname(common)
    parts = common.split("/") if common else []
    return {"/".join(parts[:end]) for end in range(len(parts) + 1)}
