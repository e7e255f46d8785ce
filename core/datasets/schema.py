"""Tables of a catalog: their creation, and the fingerprints of what is in them."""

import hashlib
import sqlite3
import time

from core.datasets.columns import COLUMNS, INDEXES, SCHEMA_VERSION, ImageStatus

FINGERPRINTS = {
    "fingerprint": "SELECT id, sha256, label, split FROM images "
    f"WHERE {ImageStatus.USABLE.sql} ORDER BY id",
    "images_fingerprint": "SELECT id, sha256 FROM images "
    f"WHERE {ImageStatus.USABLE.sql} ORDER BY id",
}
"""Name of a fact → query of the rows that it is the hash of."""

REVISION = "revision"
"""Name of the fact that changes with every write."""

OTHER_TABLES = """
CREATE TABLE IF NOT EXISTS tags (
    tag TEXT NOT NULL,
    image_id INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    PRIMARY KEY (tag, image_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tags_by_image ON tags (image_id);
CREATE TABLE IF NOT EXISTS steps (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    title TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS changes (
    step INTEGER NOT NULL REFERENCES steps (id) ON DELETE CASCADE,
    image_id INTEGER NOT NULL,
    field TEXT NOT NULL,
    old TEXT,
    PRIMARY KEY (step, field, image_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


def create_tables(connection: sqlite3.Connection) -> None:
    """Create the tables and indexes that are missing, and set the version."""
    columns = ", ".join(f"{name} {column.sql}" for name, column in COLUMNS.items())
    connection.executescript(
        f"BEGIN; CREATE TABLE IF NOT EXISTS images ({columns}, UNIQUE (root, path)); {OTHER_TABLES}"
        + "".join(
            f"CREATE INDEX IF NOT EXISTS images_by_{name} ON images {definition};"
            for name, definition in INDEXES.items()
        )
        # Its first value differs from that of an earlier dataset of the same name
        + f"INSERT OR IGNORE INTO facts VALUES ('{REVISION}', '{time.time_ns()}');"
        f"PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
    )


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version of an open catalog."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def count_revision(connection: sqlite3.Connection) -> None:
    """Change the revision, if the connection has written anything."""
    if connection.total_changes:
        query = "UPDATE facts SET value = value + 1 WHERE name = ?"
        connection.execute(query, (REVISION,))


def write_fingerprints(connection: sqlite3.Connection) -> None:
    """Store the hashes that identify the present images, labels and splits."""
    for name, query in FINGERPRINTS.items():
        digest = hashlib.sha256()
        for row in connection.execute(query):
            digest.update(repr(row).encode())
        connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, digest.hexdigest()))
