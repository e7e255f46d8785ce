"""The catalog: one row an image, in SQLite, so that a page reads only the rows it shows.

Changing what people may change (labels, splits, tags) is the business of `curation.py`.
"""

import sqlite3
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from core.datasets.filters import ALL_IMAGES, ORDER_SQL, STATUS_SQL, ImageFilter, ImageStatus, Order
from core.datasets.schema import SCHEMA, connect, write_fingerprints

GONE = "The file is gone; bring it back or forget it."
"""The problem of an image whose file a scan did not find again."""


class Split(StrEnum):
    """What an image is used for."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Found:
    """What a scan knows of one file."""

    root: int
    """Which of the dataset's roots it lies in."""

    path: str
    """Relative to that root, with forward slashes."""

    folder_label: str | None
    """The category that its folder names; None where no folder does."""

    width: int
    height: int
    size_bytes: int
    modified_ns: int
    sha256: str
    """Of the file's bytes, hexadecimal; of none if it could not be read."""

    problem: str | None
    """Why it cannot be used, as a sentence; None for a good image."""

    split: str | None = None
    """The split that its folder names."""


class ImageRow(NamedTuple):
    """One image of a dataset; a tuple, for there may be millions."""

    id: int
    """Never used again for another image, not even after this one is gone."""

    root: int
    """Which of the dataset's roots it lies in."""

    path: str
    """Relative to that root, with forward slashes."""

    label: str | None
    """Its category: what somebody called it, else what its folder does; None without either."""

    split: str | None
    """A `Split`; None for images without labels and for unreadable files."""

    width: int
    height: int
    size_bytes: int
    modified_ns: int
    sha256: str
    problem: str | None
    """Why it cannot be used, as a sentence; None for a good image."""

    excluded: int
    """1 if somebody took it out of training and indexes, else 0."""

    added_s: int
    """When it was first found, in seconds since 1970."""


KnownFile = tuple[int, int, int]
"""What a second look at a file is held against: image id, bytes, when it was changed in ns (0 if it
could not be read, so that it is read again). Plain, for there may be millions."""

COLUMNS = ", ".join(ImageRow._fields)
FOUND_COLUMNS = (
    "root, path, folder_label, width, height, size_bytes, modified_ns, sha256, problem, split"
)
INSERT = (
    f"INSERT OR IGNORE INTO images ({FOUND_COLUMNS}, label, added_s) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
RESTORE = (
    f"INSERT INTO images ({FOUND_COLUMNS}, label, added_s, id) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
UPDATE = (
    "UPDATE images SET root = ?1, path = ?2, "
    "label = CASE WHEN label IS folder_label THEN ?3 ELSE label END, folder_label = ?4, "
    "width = ?5, height = ?6, size_bytes = ?7, modified_ns = ?8, "
    "problem = CASE WHEN ?10 IS NULL AND checked = ?9 THEN problem ELSE ?10 END, "
    "perceptual = CASE WHEN sha256 = ?9 THEN perceptual END, "
    "leader = CASE WHEN sha256 = ?9 THEN leader END, sha256 = ?9 WHERE id = ?11"
)
"""A given label stays, and while the content is the same also what decoding it has shown."""


class Catalog:
    """The images of one dataset. Safe to use from several threads and processes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self) -> None:
        """Make the tables; does nothing where they are there."""
        with connect(self.path, "rwc") as connection:
            connection.executescript(SCHEMA)

    def write(
        self,
        *,
        new: Iterable[Found] = (),
        changed: Mapping[int, Found] | None = None,
        gone: Iterable[int] = (),
    ) -> None:
        """Write down what a scan found; tags, splits and given labels of known images stay.

        Args:
            new: Files that are not in the catalog.
            changed: Image id → its file as it is now.
            gone: Ids of the images whose files are not there any more.
        """
        now = int(time.time())
        with connect(self.path) as connection:
            rows = (_values(found) for found in new)
            connection.executemany(INSERT, ((*row, row[2], now) for row in rows))
            connection.executemany(
                UPDATE,
                (
                    (found.root, found.path, found.folder_label, *_values(found)[2:9], image_id)
                    for image_id, found in (changed or {}).items()
                ),
            )
            connection.executemany(
                "UPDATE images SET problem = ?, modified_ns = 0, checked = NULL WHERE id = ?",
                [(GONE, image_id) for image_id in gone],
            )
            write_fingerprints(connection)

    def restore(self, images: Mapping[int, Found]) -> None:
        """Fill an empty catalog with images that have their ids already: image id → its file."""
        now = int(time.time())
        with connect(self.path) as connection:
            rows = ((image_id, _values(found)) for image_id, found in images.items())
            connection.executemany(RESTORE, ((*row, row[2], now, i) for i, row in rows))
            write_fingerprints(connection)

    def forget(self, ids: Iterable[int]) -> None:
        """Take images out of the catalog, with their tags."""
        with connect(self.path) as connection:
            connection.executemany("DELETE FROM images WHERE id = ?", [(int(i),) for i in ids])
            write_fingerprints(connection)

    def set_splits(self, splits: Mapping[int, str | None]) -> None:
        """Put each image into its split: image id → split."""
        with connect(self.path) as connection:
            connection.executemany(
                "UPDATE images SET split = ? WHERE id = ?",
                [(split, image_id) for image_id, split in splits.items()],
            )
            write_fingerprints(connection)

    @property
    def revision(self) -> int:
        """Changes with every write: SQLite's file change counter (its file format, 1.3.8)."""
        try:
            with self.path.open("rb") as file:
                return int.from_bytes(file.read(28)[24:], "big")
        except OSError:  # Whoever reads on says what is wrong
            return 0

    @property
    def fingerprint(self) -> str:
        """Identifies what matters for training: content, label and split of each usable image."""
        return self._fact("fingerprint")

    @property
    def images_fingerprint(self) -> str:
        """Identifies what matters for an index: which images are usable, and their content."""
        return self._fact("images_fingerprint")

    def count(self, images: ImageFilter = ALL_IMAGES) -> int:
        """Return how many images there are."""
        where, parameters = images.where()
        with connect(self.path) as connection:
            query = f"SELECT COUNT(*) FROM images WHERE {where}"
            return int(connection.execute(query, parameters).fetchone()[0])

    def rows(
        self,
        images: ImageFilter = ALL_IMAGES,
        *,
        order: Order = Order.ADDED,
        offset: int = 0,
        limit: int = -1,
    ) -> list[ImageRow]:
        """Return a stretch of the images; a `limit` of -1 means all of them."""
        where, parameters = images.where()
        ids = f"SELECT id FROM images WHERE {where} ORDER BY {ORDER_SQL[order]} LIMIT ? OFFSET ?"
        query = f"SELECT {COLUMNS} FROM images WHERE id IN ({ids}) ORDER BY {ORDER_SQL[order]}"
        return self._read(query, [*parameters, limit, offset])

    def ids(self, images: ImageFilter = ALL_IMAGES, order: Order = Order.ADDED) -> list[int]:
        """Return the ids of the images, and nothing else of them."""
        where, parameters = images.where()
        with connect(self.path) as connection:
            query = f"SELECT id FROM images WHERE {where} ORDER BY {ORDER_SQL[order]}"
            return [image_id for (image_id,) in connection.execute(query, parameters)]

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
        return self.rows(ImageFilter(status=ImageStatus.PROBLEM), order=Order.NAME, limit=limit)

    def labels(self) -> list[str]:
        """Return the names of the classes, sorted; none in a dataset without labels."""
        query = (
            f"SELECT DISTINCT label FROM images WHERE {STATUS_SQL[ImageStatus.USABLE]} "
            "AND label IS NOT NULL ORDER BY label"
        )
        with connect(self.path) as connection:
            return [label for (label,) in connection.execute(query)]

    def labels_by_id(self) -> list[tuple[int, str]]:
        """Return (image id, label) of every labeled image that can be read, by id."""
        query = (
            f"SELECT id, label FROM images WHERE {STATUS_SQL[ImageStatus.READABLE]} "
            "AND label IS NOT NULL ORDER BY id"
        )
        with connect(self.path) as connection:
            return connection.execute(query).fetchall()

    def class_counts(
        self, images: ImageFilter = ALL_IMAGES
    ) -> list[tuple[str | None, str | None, int]]:
        """Return (label, split, number of images) for each pair that occurs, sorted."""
        where, parameters = images.where()
        with connect(self.path) as connection:
            return connection.execute(
                f"SELECT label, split, COUNT(*) FROM images WHERE {where} "
                "GROUP BY label, split ORDER BY label, split",
                parameters,
            ).fetchall()

    def known_files(self, root: int) -> dict[str, KnownFile]:
        """Return what the last scan found in one of the dataset's roots, by path."""
        query = (
            "SELECT path, id, size_bytes, "
            "CASE WHEN problem IS NULL OR checked = sha256 THEN modified_ns ELSE 0 END "
            "FROM images WHERE root = ?"
        )
        with connect(self.path) as connection:
            rows = connection.execute(query, (root,))
            return {path: (image_id, size, changed) for path, image_id, size, changed in rows}

    def _fact(self, name: str) -> str:
        with connect(self.path) as connection:
            row = connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
            if row is None:
                raise sqlite3.DatabaseError(f"no {name}")
        return str(row[0])

    def _read(self, query: str, parameters: list[object]) -> list[ImageRow]:
        with connect(self.path) as connection:
            return list(map(ImageRow._make, connection.execute(query, parameters)))


def _values(found: Found) -> tuple[object, ...]:
    """Return the fields in the order of `FOUND_COLUMNS`."""
    return (
        found.root,
        found.path,
        found.folder_label,
        found.width,
        found.height,
        found.size_bytes,
        found.modified_ns,
        found.sha256,
        found.problem,
        found.split,
    )
