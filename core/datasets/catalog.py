"""The catalog of a dataset: one row per image in SQLite, so that a page reads only what it shows.

Changes by users (labels, splits, tags, exclusion) are in `curation.py`.
"""

import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from core.datasets.annotations.annotation import Box
from core.datasets.columns import (
    ALL_IMAGES,
    ImageFilter,
    ImageRow,
    ImageStatus,
    Order,
)
from core.datasets.database import connect, create_catalog
from core.datasets.fingerprints import blocks_between, blocks_of, write_fingerprints
from core.datasets.row_writes import INSERT, SELECTED, UPDATE, inserted, last_id, updated
from core.datasets.schema import REVISION, counted, create_indexes, is_related, ordered
from core.errors import WorkbenchError

GONE = "The file is missing; restore it or delete it from the dataset."
"""The problem of an image whose file the last scan did not find."""

MANY = 10_000
"""From so many images of a tag on, a page of them is read in the order of an index."""

KnownFile = tuple[int, int, int]
"""What a rescan compares a file with: image id, bytes, modification time in ns (0 if the file could
not be read, so that it is read again). A plain tuple, because there may be millions."""


class Catalog:
    """The images of one dataset. Safe to use from several threads and processes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self, *, with_indexes: bool = True) -> None:
        """Create the tables in a new file; the indexes may follow when it has its rows."""
        create_catalog(self.path, with_indexes=with_indexes)

    def create_indexes(self) -> None:
        """Create the indexes that are missing."""
        with connect(self.path) as connection:
            create_indexes(connection)

    def write(
        self,
        *,
        new: Iterable[ImageRow] = (),
        changed: Mapping[int, ImageRow] | None = None,
        gone: Iterable[int] = (),
    ) -> None:
        """Write what a scan found; tags, splits and given labels of known images stay.

        Args:
            new: Images to add, labeled by their folders; an id other than 0 becomes theirs.
            changed: Image id → its file as it is now.
            gone: Ids of the images whose files are no longer there.
        """
        now, new, changed, gone = int(time.time()), list(new), changed or {}, list(gone)
        with connect(self.path) as connection:
            last = last_id(connection)
            connection.executemany(INSERT, (inserted(row, now) for row in new))
            connection.executemany(UPDATE, (updated(i, row) for i, row in changed.items()))
            connection.executemany(
                "UPDATE images SET problem = ?, modified_ns = 0, checked = NULL WHERE id = ?",
                [(GONE, image_id) for image_id in gone],
            )
            blocks = blocks_of([*changed, *gone, *(row.id for row in new if row.id)])
            write_fingerprints(connection, blocks | blocks_between(last, last_id(connection)))

    def forget(self, ids: Iterable[int]) -> None:
        """Remove images from the catalog, with their tags and boxes."""
        forgotten = [int(image_id) for image_id in ids]
        with connect(self.path) as connection:
            connection.executemany("DELETE FROM images WHERE id = ?", [(i,) for i in forgotten])
            write_fingerprints(connection, blocks_of(forgotten))

    def set_splits(self, splits: Mapping[int, str | None]) -> None:
        """Set the split of images: image id → split."""
        with connect(self.path) as connection:
            connection.executemany(
                "UPDATE images SET split = ? WHERE id = ?",
                [(split, image_id) for image_id, split in splits.items()],
            )
            write_fingerprints(connection, blocks_of(splits))

    def add_tags(self, tags: Mapping[int, Iterable[str]]) -> None:
        """Add tags that an import found, which is no step that can be undone: image id → tags."""
        with connect(self.path) as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO tags (tag, image_id) VALUES (?, ?)",
                [(tag, image_id) for image_id, each in tags.items() for tag in each],
            )

    def set_source_labels(self, labels: Mapping[int, str | None]) -> None:
        """Set the label that the source names: image id → label; given labels stay."""
        with connect(self.path) as connection:
            connection.executemany(
                "UPDATE images SET label = CASE WHEN label IS folder_label THEN ?1 ELSE label END, "
                "folder_label = ?1 WHERE id = ?2",
                [(label, image_id) for image_id, label in labels.items()],
            )
            write_fingerprints(connection, blocks_of(labels))

    def source_labels(self, root: int) -> dict[int, str | None]:
        """Return image id → the label that the source names, of the images under a root."""
        return dict(self.select("SELECT id, folder_label FROM images WHERE root = ?", [root]))

    def set_boxes(self, boxes: Mapping[int, Sequence[Box]]) -> None:
        """Replace the boxes of images: image id → boxes, in the order to keep."""
        rows = ((i, number, *box) for i, own in boxes.items() for number, box in enumerate(own))
        with connect(self.path) as connection:
            connection.executemany("DELETE FROM boxes WHERE image_id = ?", [(i,) for i in boxes])
            connection.executemany("INSERT INTO boxes VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def boxes_of(self, ids: Iterable[int]) -> dict[int, tuple[Box, ...]]:
        """Return the boxes of images that have any, in their order: image id → boxes."""
        query = "SELECT image_id, label, left, top, width, height FROM boxes WHERE image_id IN "
        query += "(SELECT value FROM json_each(?)) ORDER BY image_id, number"
        rows = groupby(self.select(query, [str([int(i) for i in ids])]), itemgetter(0))
        return {image_id: tuple(Box(*row[1:]) for row in own) for image_id, own in rows}

    @property
    def revision(self) -> int:
        """A number that changes with every write; 0 if the catalog cannot be read."""
        try:
            return int(self._fact(REVISION))
        except WorkbenchError:  # Reading anything else raises it, too
            return 0

    @property
    def fingerprint(self) -> str:
        """Identifies what training depends on: content, label and split of each usable image."""
        return self._fact("fingerprint")

    @property
    def images_fingerprint(self) -> str:
        """Identifies what an index depends on: the usable images and their content."""
        return self._fact("images_fingerprint")

    def count(self, images: ImageFilter = ALL_IMAGES) -> int:
        """Return the number of images."""
        where, parameters = images.where()
        query = f"SELECT COUNT(*) FROM {counted(images)} WHERE {where}"
        return int(self.select(query, parameters)[0][0])

    def rows(
        self,
        images: ImageFilter = ALL_IMAGES,
        *,
        order: Order = Order.ADDED,
        offset: int = 0,
        limit: int = -1,
    ) -> list[ImageRow]:
        """Return at most `limit` images from `offset` on; a `limit` of -1 means all of them."""
        where, parameters = images.where()
        is_scan = limit >= 0 and is_related(images) and self.count(images) > MANY
        table = ordered(order) if is_scan else "images"
        ids = f"SELECT id FROM {table} WHERE {where} ORDER BY {order.sql} LIMIT ? OFFSET ?"
        query = f"SELECT {SELECTED} FROM images WHERE id IN ({ids}) ORDER BY {order.sql}"
        return self._read(query, [*parameters, limit, offset])

    def ids(self, images: ImageFilter = ALL_IMAGES, order: Order = Order.ADDED) -> list[int]:
        """Return the ids of the images, without reading the rest of their rows."""
        where, parameters = images.where()
        query = f"SELECT id FROM images WHERE {where} ORDER BY {order.sql}"
        return [image_id for (image_id,) in self.select(query, parameters)]

    def among(self, ids: Iterable[int], images: ImageFilter) -> frozenset[int]:
        """Return which of some ids are those of selected images."""
        where, parameters = images.where()
        given = "SELECT value FROM json_each(?)"
        query = f"SELECT id FROM images WHERE id IN ({given}) AND {where}"
        found = self.select(query, [str([int(i) for i in ids]), *parameters])
        return frozenset(image_id for (image_id,) in found)

    def rows_by_id(self, ids: Iterable[int]) -> dict[int, ImageRow]:
        """Return the rows of these images by id, without those that no longer exist."""
        wanted = [int(image_id) for image_id in ids]
        query = (
            f"SELECT {SELECTED} FROM images WHERE id IN "
            "(SELECT value FROM json_each(?))"  # No limit on the number of ids, unlike (?, ?, …)
        )
        return {row.id: row for row in self._read(query, [str(wanted)])}

    def problems(self, limit: int = -1) -> list[ImageRow]:
        """Return the files that cannot be used, by path."""
        return self.rows(ImageFilter(status=ImageStatus.PROBLEM), order=Order.NAME, limit=limit)

    def labels(self) -> list[str]:
        """Return the names of the classes, sorted; none in a dataset without labels."""
        query = (
            f"SELECT DISTINCT label FROM images WHERE {ImageStatus.USABLE.sql} "
            "AND label IS NOT NULL ORDER BY label"
        )
        return [label for (label,) in self.select(query)]

    def labels_by_id(self) -> list[tuple[int, str]]:
        """Return (image id, label) of every labeled, readable image, by id."""
        return self.select(
            f"SELECT id, label FROM images WHERE {ImageStatus.READABLE.sql} "
            "AND label IS NOT NULL ORDER BY id"
        )

    def class_counts(
        self, images: ImageFilter = ALL_IMAGES
    ) -> list[tuple[str | None, str | None, int]]:
        """Return (label, split, number of images) for each pair that occurs, sorted."""
        where, parameters = images.where()
        return self.select(
            f"SELECT label, split, COUNT(*) FROM images WHERE {where} "
            "GROUP BY label, split ORDER BY label, split",
            parameters,
        )

    def known_files(self, root: int) -> dict[str, KnownFile]:
        """Return what the last scan found under one of the dataset's roots, by path."""
        query = (
            "SELECT path, id, size_bytes, "
            "CASE WHEN problem IS NULL OR checked = sha256 THEN modified_ns ELSE 0 END "
            "FROM images WHERE root = ?"
        )
        rows = self.select(query, [root])
        return {path: (image_id, size, changed) for path, image_id, size, changed in rows}

    def select(self, query: str, parameters: Sequence[object] = ()) -> list[Any]:
        """Return the rows that an SQL query of the catalog's tables finds, as tuples."""
        with connect(self.path) as connection:
            return connection.execute(query, parameters).fetchall()

    def _fact(self, name: str) -> str:
        with connect(self.path) as connection:
            row = connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
            if row is None:
                raise sqlite3.DatabaseError(f"no {name}")
        return str(row[0])

    def _read(self, query: str, parameters: list[object]) -> list[ImageRow]:
        with connect(self.path) as connection:
            return list(map(ImageRow._make, connection.execute(query, parameters)))
