"""Catalog databases: connections and upgrades."""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from core.datasets.columns import COLUMNS, SCHEMA_VERSION
from core.datasets.fingerprints import keep_fingerprints
from core.datasets.schema import (
    REVISION,
    create_indexes,
    create_tables,
    drop_indexes,
    version_of,
)
from core.errors import DamagedArtifactError, WorkbenchError, newer_version
from core.files import sync_file, sync_folder

TAGS = {
    "labels checked": "label issues checked",
    "alike checked": "near-duplicates checked",
    "leaks checked": "split leakage checked",
    "typical checked": "representativeness checked",
}
"""Tags of data quality checks: name in version 0 → name now."""

BUSY_TIMEOUT_S = 30
"""How long to wait for another writer; the write of a scan of 100,000 images takes seconds."""


def open_file(path: Path, mode: str = "rw") -> sqlite3.Connection:
    """Open an SQLite file without looking at its version."""
    address = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_S)


def upgrade_catalog(path: Path) -> None:
    """Upgrade a catalog in a copy that replaces it once complete.

    The old file stays locked for writers meanwhile. Of several processes that upgrade at once the
    first one does it, and the others find it done.
    """
    copy = path.with_name(f".{path.name}.upgrade")
    with closing(open_file(path)) as lock:
        lock.execute("BEGIN IMMEDIATE")
        with closing(open_file(path)) as old:  # By its path: the locked file may be replaced by now
            if version_of(old) >= SCHEMA_VERSION:
                return
            copy.unlink(missing_ok=True)  # Left by a process that was killed
            with closing(sqlite3.connect(copy)) as new:
                new.execute("PRAGMA journal_mode = MEMORY")  # No file that a kill would leave
                old.backup(new)
                _upgrade(new)
        sync_file(copy)
        copy.replace(path)
        sync_folder(path.parent)


def _upgrade(connection: sqlite3.Connection) -> None:
    version = version_of(connection)
    if version < 2:
        _use_new_names(connection)
    for name, column in COLUMNS.items():
        if column.since > version:
            connection.execute(f"ALTER TABLE images ADD COLUMN {name} {column.sql}")
    drop_indexes(connection)
    create_tables(connection)
    create_indexes(connection)
    keep_fingerprints(connection)
    connection.commit()


def _use_new_names(connection: sqlite3.Connection) -> None:
    """Rename columns, facts and tags of version 0."""
    connection.execute("DROP INDEX images_by_leader")
    connection.execute("ALTER TABLE images RENAME COLUMN leader TO representative")
    connection.execute("ALTER TABLE images RENAME COLUMN leader_bits TO representative_bits")
    connection.execute("UPDATE facts SET name = 'grouped' WHERE name = 'gathered'")
    for old, new in TAGS.items():
        connection.execute("UPDATE OR IGNORE tags SET tag = ? WHERE tag = ?", (new, old))
        connection.execute("DELETE FROM tags WHERE tag = ?", (old,))
        for sign in "+-":  # Undo steps that added and removed the tag
            fields = (sign + new, sign + old)
            connection.execute("UPDATE OR IGNORE changes SET field = ? WHERE field = ?", fields)
        titles = (f"“{old}”", f"“{new}”")
        connection.execute("UPDATE steps SET title = replace(title, ?, ?)", titles)


UNWRITABLE = ("locked", "full", "readonly")
"""Words in SQLite's messages about catalogs that cannot be written but are not damaged."""


@contextmanager
def connect(path: Path) -> Iterator[sqlite3.Connection]:
    """Connect to the catalog at `path`, for one transaction: all of it is done, or nothing.

    A catalog of an earlier version is upgraded first.

    Raises:
        WorkbenchError: Another process writes for too long, the disk is full, or a newer version
            of the workbench made the catalog.
        DamagedArtifactError: The file is missing or no catalog.
    """
    with _clear_errors(path), ExitStack() as opened:
        connection = opened.enter_context(closing(open_file(path)))
        version = version_of(connection)
        if version > SCHEMA_VERSION:
            raise newer_version(f"The catalog of “{path.parent.name}”")
        if version < SCHEMA_VERSION:
            connection.close()
            upgrade_catalog(path)
            connection = opened.enter_context(closing(open_file(path)))
        with connection:
            connection.execute("PRAGMA foreign_keys = ON")
            yield connection
            if connection.total_changes:
                query = "UPDATE facts SET value = value + 1 WHERE name = ?"
                connection.execute(query, (REVISION,))


def create_catalog(path: Path, *, with_indexes: bool = True) -> None:
    """Create an empty catalog at `path`, where no file is."""
    with _clear_errors(path), closing(open_file(path, "rwc")) as connection:
        create_tables(connection)
        if with_indexes:
            create_indexes(connection)


@contextmanager
def _clear_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        if any(word in str(error) for word in UNWRITABLE):
            raise WorkbenchError(
                f"The catalog of “{path.parent.name}” cannot be written: {error}.",
                "Wait for other jobs to end, check the free disk space, and try again.",
            ) from error
        raise DamagedArtifactError(
            f"{path.parent.name}/{path.name} is damaged or was changed by hand.",
            "Delete that dataset's folder and import it again.",
        ) from error
