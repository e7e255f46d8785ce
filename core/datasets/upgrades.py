"""Upgrades of catalogs that earlier versions wrote."""

import sqlite3
from contextlib import closing
from pathlib import Path

from core.datasets.columns import COLUMNS, SCHEMA_VERSION
from core.datasets.schema import create_tables, version_of
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
    create_tables(connection)


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
