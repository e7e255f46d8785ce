"""Tables and indexes of a catalog.

An index has all columns that filters by class, split and status need, so that a count or a page of
a million images reads the index alone.
"""

import sqlite3
import time

from core.datasets.columns import COLUMNS, FILTERS, SCHEMA_VERSION, ImageFilter, Order
from core.datasets.filter_kinds import AnyRelated

REVISION = "revision"
"""Name of the fact that changes with every write."""

STATUS = "problem, excluded"
BY_ID = "added"
"""Name of the index that images with a tag are counted by: their rows are four times as large."""


INDEXES = {
    BY_ID: f"(id, {STATUS}, split, label, width, height)",
    "label": f"(label, id, {STATUS}, split)",
    "path": f"(path, id, {STATUS}, split, label, width, height)",
    "size": f"(size_bytes, id, {STATUS}, split)",
    "group": f"(label, split, {STATUS})",
    "shape": f"(width, height, {STATUS}, split, label)",
    "content": f"(sha256, {STATUS})",
    "representative": "(representative) WHERE representative IS NOT NULL",
    "unchecked": "(id) WHERE problem IS NULL AND checked IS NOT sha256",
}
"""Name → definition of each index of the table of images: one for each order, then those that
count."""

ORDERED_BY = {"id": BY_ID, "label": "label", "path": "path", "size_bytes": "size"}
"""First column of an order → name of its index."""

OTHER_TABLES = """
CREATE TABLE IF NOT EXISTS tags (
    tag TEXT NOT NULL,
    image_id INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    PRIMARY KEY (tag, image_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tags_by_image ON tags (image_id);
CREATE TABLE IF NOT EXISTS boxes (
    image_id INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    label TEXT NOT NULL,
    left REAL NOT NULL,
    top REAL NOT NULL,
    width REAL NOT NULL,
    height REAL NOT NULL,
    PRIMARY KEY (image_id, number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS boxes_by_label ON boxes (label, image_id);
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
CREATE TABLE IF NOT EXISTS blocks (
    number INTEGER PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    images_fingerprint TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


def is_related(images: ImageFilter) -> bool:
    """Return whether a filter is by a table of its own, such as that of tags."""
    return any(
        isinstance(kind, AnyRelated) and getattr(images, name) for name, kind in FILTERS.items()
    )


def counted(images: ImageFilter, *, by_id: bool = False) -> str:
    """Return the table of images, with the index to count those of a filter by, if it has one.

    `by_id` tells that they are joined by their ids.
    """
    if images.labels or images.text or not (by_id or is_related(images)):
        return "images"
    return f"images INDEXED BY images_by_{BY_ID}"


def ordered(order: Order) -> str:
    """Return the table of images, to be read in the order of an index, if it has one.

    Many images of a tag are so read from the index alone, and not from rows all over the table.
    """
    name = ORDERED_BY.get(order.sql.replace(",", "").split()[0])
    return f"images INDEXED BY images_by_{name}" if name else "images"


def create_tables(connection: sqlite3.Connection) -> None:
    """Create the tables that are missing, and set the version."""
    columns = ", ".join(f"{name} {column.sql}" for name, column in COLUMNS.items())
    connection.executescript(
        f"BEGIN; CREATE TABLE IF NOT EXISTS images ({columns}, UNIQUE (root, path)); {OTHER_TABLES}"
        # Its first value differs from that of an earlier dataset of the same name
        f"INSERT OR IGNORE INTO facts VALUES ('{REVISION}', '{time.time_ns()}');"
        f"PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
    )


def create_indexes(connection: sqlite3.Connection) -> None:
    """Create the indexes that are missing; of many rows, in a third of the time of adding them."""
    for name, definition in INDEXES.items():
        query = f"CREATE INDEX IF NOT EXISTS images_by_{name} ON images {definition}"
        connection.execute(query)


def drop_indexes(connection: sqlite3.Connection) -> None:
    """Drop the indexes of an earlier version."""
    query = "SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'images\\_by\\_%' "
    for (name,) in connection.execute(query + "ESCAPE '\\'").fetchall():
        connection.execute(f"DROP INDEX {name}")


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version of an open catalog."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
