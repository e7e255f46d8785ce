"""The catalog: one row an image, in SQLite, so that a page reads only the rows it shows."""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from core.errors import DamagedArtifactError, WorkbenchError

BUSY_TIMEOUT_S = 30
"""How long a writer waits for another one; a scan's write of 100,000 rows takes seconds."""

COLUMNS = "id, path, label, split, width, height, size_bytes, modified_ns, sha256, problem"
SCHEMA = """
CREATE TABLE IF NOT EXISTS images (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT NOT NULL UNIQUE,
    label TEXT,
    split TEXT,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    problem TEXT
);
CREATE INDEX IF NOT EXISTS images_by_label ON images (label, id);
CREATE INDEX IF NOT EXISTS images_by_split ON images (split, id);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class Split(StrEnum):
    """What an image is used for."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What a scan knows of one file."""

    path: str
    """Relative to the dataset's root, with forward slashes."""

    label: str | None
    """Its category; None in a dataset without labels."""

    width: int
    height: int
    size_bytes: int
    modified_ns: int
    sha256: str
    """Of the file's bytes, hexadecimal; empty if it could not be read."""

    problem: str | None
    """Why it cannot be used, as a sentence; None for a good image."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageRow(Found):
    """One image of a dataset."""

    id: int
    """Never used again for another image, not even after this one is gone."""

    split: str | None
    """A `Split`; None in a dataset without labels and for unreadable files."""


@dataclass(frozen=True, slots=True)
class ImageFilter:
    """Which readable images are meant; the default means all."""

    label: str | None = None
    split: str | None = None

    def where(self) -> tuple[str, list[str]]:
        """Return the SQL condition and its parameters."""
        conditions, parameters = ["problem IS NULL"], []
        for column, value in (("label", self.label), ("split", self.split)):
            if value is not None:
                conditions.append(f"{column} = ?")
                parameters.append(value)
        return " AND ".join(conditions), parameters


ALL_IMAGES = ImageFilter()


class Catalog:
    """The images of one dataset. Safe to use from several threads and processes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def _connect(self, mode: str = "rw") -> Iterator[sqlite3.Connection]:
        try:
            address = f"{self.path.absolute().as_uri()}?mode={mode}"
            connection = sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_S)
            try:
                with connection:  # One transaction: all of it or nothing
                    yield connection
            finally:
                connection.close()
        except sqlite3.DatabaseError as error:
            if "locked" in str(error) or "full" in str(error):
                raise WorkbenchError(
                    f"The catalog of “{self.path.parent.name}” cannot be written: {error}.",
                    "Wait for other jobs to end, see that the disk has room, and try again.",
                ) from error
            raise DamagedArtifactError(
                f"{self.path.parent.name}/{self.path.name} is damaged or was changed by hand.",
                "Delete that dataset's folder and bring it in again.",
            ) from error

    def create(self) -> None:
        """Make the tables; does nothing where they are there."""
        with self._connect("rwc") as connection:
            connection.executescript(SCHEMA)

    def replace(self, found: Iterable[Found]) -> None:
        """Make the catalog hold just the files `found`; ids and splits of known paths stay."""
        with self._connect() as connection:
            connection.execute("CREATE TEMP TABLE seen (path TEXT PRIMARY KEY)")
            for image in found:
                _upsert(connection, image)
                connection.execute("INSERT OR IGNORE INTO seen VALUES (?)", (image.path,))
            connection.execute("DELETE FROM images WHERE path NOT IN (SELECT path FROM seen)")
            connection.execute("UPDATE images SET split = NULL WHERE problem IS NOT NULL")
            _write_fingerprint(connection)

    def set_splits(self, splits: dict[int, str | None]) -> None:
        """Put each image into its split: image id → split."""
        with self._connect() as connection:
            connection.executemany(
                "UPDATE images SET split = ? WHERE id = ?",
                [(split, image_id) for image_id, split in splits.items()],
            )
            _write_fingerprint(connection)

    @property
    def fingerprint(self) -> str:
        """Identifies what matters for training and indexes: content, label and split of each."""
        with self._connect() as connection:
            row = connection.execute("SELECT value FROM facts WHERE name='fingerprint'").fetchone()
            if row is None:
                raise sqlite3.DatabaseError("no fingerprint")
        return str(row[0])

    def count(self, images: ImageFilter = ALL_IMAGES) -> int:
        """Return how many images there are."""
        where, parameters = images.where()
        with self._connect() as connection:
            query = f"SELECT COUNT(*) FROM images WHERE {where}"
            return int(connection.execute(query, parameters).fetchone()[0])

    def rows(
        self, images: ImageFilter = ALL_IMAGES, *, offset: int = 0, limit: int = -1
    ) -> list[ImageRow]:
        """Return images in the order of their ids; a `limit` of -1 means all of them."""
        where, parameters = images.where()
        query = f"SELECT {COLUMNS} FROM images WHERE {where} ORDER BY id LIMIT ? OFFSET ?"
        return self._read(query, [*parameters, limit, offset])

    def rows_by_id(self, ids: Iterable[int]) -> dict[int, ImageRow]:
        """Return the rows of these images by id; an id no longer there is left out."""
        wanted = [int(image_id) for image_id in ids]
        query = (
            f"SELECT {COLUMNS} FROM images WHERE id IN "
            "(SELECT value FROM json_each(?))"  # No limit on the number of ids, unlike (?, ?, …)
        )
        return {row.id: row for row in self._read(query, [str(wanted)])}

    def problems(self, limit: int = -1) -> list[ImageRow]:
        """Return the files that cannot be used, each with its reason."""
        query = f"SELECT {COLUMNS} FROM images WHERE problem IS NOT NULL ORDER BY path LIMIT ?"
        return self._read(query, [limit])

    def labels(self) -> list[str]:
        """Return the names of the classes, sorted; none in a dataset without labels."""
        query = (
            "SELECT DISTINCT label FROM images "
            "WHERE problem IS NULL AND label IS NOT NULL ORDER BY label"
        )
        with self._connect() as connection:
            return [label for (label,) in connection.execute(query)]

    def class_counts(self) -> list[tuple[str | None, str | None, int]]:
        """Return (label, split, number of images) for each pair that occurs, sorted."""
        with self._connect() as connection:
            return connection.execute(
                "SELECT label, split, COUNT(*) FROM images WHERE problem IS NULL "
                "GROUP BY label, split ORDER BY label, split"
            ).fetchall()

    def known_files(self) -> dict[str, Found]:
        """Return what the last scan found, by path."""
        rows = self._read(f"SELECT {COLUMNS} FROM images", [])
        return {row.path: row for row in rows}

    def _read(self, query: str, parameters: list[object]) -> list[ImageRow]:
        names = COLUMNS.split(", ")
        with self._connect() as connection:
            cursor = connection.execute(query, parameters)
            return [ImageRow(**dict(zip(names, row, strict=True))) for row in cursor]


def _upsert(connection: sqlite3.Connection, image: Found) -> None:
    connection.execute(
        "INSERT INTO images "
        "(path, label, width, height, size_bytes, modified_ns, sha256, problem) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (path) DO UPDATE SET "
        "label=excluded.label, width=excluded.width, height=excluded.height, "
        "size_bytes=excluded.size_bytes, modified_ns=excluded.modified_ns, "
        "sha256=excluded.sha256, problem=excluded.problem",
        (
            image.path,
            image.label,
            image.width,
            image.height,
            image.size_bytes,
            image.modified_ns,
            image.sha256,
            image.problem,
        ),
    )


def _write_fingerprint(connection: sqlite3.Connection) -> None:
    digest = hashlib.sha256()
    query = "SELECT id, sha256, label, split FROM images WHERE problem IS NULL ORDER BY id"
    for row in connection.execute(query):
        digest.update(repr(row).encode())
    connection.execute(
        "INSERT OR REPLACE INTO facts VALUES ('fingerprint', ?)", (digest.hexdigest(),)
    )
