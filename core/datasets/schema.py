"""The tables of a catalog, and how they are reached. What is in them is not its business."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import DamagedArtifactError, WorkbenchError

BUSY_TIMEOUT_S = 30
"""How long a writer waits for another one; a scan's write of 100,000 rows takes seconds."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS images (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    root INTEGER NOT NULL,
    path TEXT NOT NULL,
    label TEXT,
    folder_label TEXT,
    split TEXT,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    problem TEXT,
    excluded INTEGER NOT NULL DEFAULT 0,
    added_s INTEGER NOT NULL,
    checked TEXT,
    perceptual BLOB,
    leader INTEGER,
    leader_bits INTEGER,
    UNIQUE (root, path)
);
CREATE INDEX IF NOT EXISTS images_by_label ON images (label, id);
CREATE INDEX IF NOT EXISTS images_by_split ON images (split, id);
CREATE INDEX IF NOT EXISTS images_by_path ON images (path, id);
CREATE INDEX IF NOT EXISTS images_by_size ON images (size_bytes, id);
CREATE INDEX IF NOT EXISTS images_by_content ON images (sha256);
CREATE INDEX IF NOT EXISTS images_by_leader ON images (leader) WHERE leader IS NOT NULL;
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

FINGERPRINTS = {
    "fingerprint": "SELECT id, sha256, label, split FROM images "
    "WHERE problem IS NULL AND excluded = 0 ORDER BY id",
    "images_fingerprint": "SELECT id, sha256 FROM images "
    "WHERE problem IS NULL AND excluded = 0 ORDER BY id",
}
"""What a fact of that name is the hash of."""


@contextmanager
def connect(path: Path, mode: str = "rw") -> Iterator[sqlite3.Connection]:
    """Give a connection to the catalog at `path`; what is done on it is done whole or not at all.

    Raises:
        WorkbenchError: Another process writes for too long, or the disk is full.
        DamagedArtifactError: The file is not there or no catalog.
    """
    try:
        address = f"{path.absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_S)
        try:
            with connection:  # One transaction: all of it or nothing
                connection.execute("PRAGMA foreign_keys = ON")
                yield connection
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        if "locked" in str(error) or "full" in str(error):
            raise WorkbenchError(
                f"The catalog of “{path.parent.name}” cannot be written: {error}.",
                "Wait for other jobs to end, see that the disk has room, and try again.",
            ) from error
        raise DamagedArtifactError(
            f"{path.parent.name}/{path.name} is damaged, was changed by hand, or is of another "
            "version.",
            "Delete that dataset's folder and bring it in again.",
        ) from error


def write_fingerprints(connection: sqlite3.Connection) -> None:
    """Write down what identifies the images, their labels and their splits as they are now."""
    for name, query in FINGERPRINTS.items():
        digest = hashlib.sha256()
        for row in connection.execute(query):
            digest.update(repr(row).encode())
        connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, digest.hexdigest()))
