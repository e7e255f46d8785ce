"""SQL that adds and updates the rows of scanned files, and its parameters."""

import sqlite3

from core.datasets.columns import ROW_COLUMNS, ImageRow

SELECTED = ", ".join(ROW_COLUMNS)
SCANNED = tuple(name for name, column in ROW_COLUMNS.items() if column.read)
"""Columns that are read from the header of a file."""

INSERT = (
    f"INSERT OR IGNORE INTO images ({SELECTED}, folder_label) VALUES ("
    + "".join("NULLIF(?, 0), " if name == "id" else "?, " for name in ROW_COLUMNS)
    + "?)"
)
"""Its parameters are `inserted`."""

UPDATE = (
    "UPDATE images SET root = :root, path = :path, "
    "label = CASE WHEN label IS folder_label THEN :label ELSE label END, folder_label = :label, "
    f"{''.join(f'{name} = :{name}, ' for name in SCANNED)}"
    "size_bytes = :size_bytes, modified_ns = :modified_ns, "
    "problem = CASE WHEN :problem IS NULL AND checked = :sha256 THEN problem ELSE :problem END, "
    "perceptual = CASE WHEN sha256 = :sha256 THEN perceptual END, "
    "representative = CASE WHEN sha256 = :sha256 THEN representative END, sha256 = :sha256 "
    "WHERE id = :id"
)
"""Keeps a given label and, while the content is the same, what decoding it has shown. Its
parameters are `updated`."""

ADDED_S = ImageRow._fields.index("added_s")


def inserted(row: ImageRow, added_s: int) -> tuple[object, ...]:
    """Return the parameters that add a row: by place, in half the time of names."""
    return (*row[:ADDED_S], added_s, *row[ADDED_S + 1 :], row.label)


def updated(image_id: int, row: ImageRow) -> dict[str, object]:
    """Return the parameters that update the image of an id."""
    return row._asdict() | {"id": image_id}


def last_id(connection: sqlite3.Connection) -> int:
    """Return the greatest id of an image; 0 without one."""
    return int(connection.execute("SELECT IFNULL(MAX(id), 0) FROM images").fetchone()[0])
