"""Changes by users: tags, labels, splits and exclusion of images, and their undo.

Image files are never written.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from core.datasets.catalog import Catalog
from core.datasets.columns import Split
from core.datasets.database import connect
from core.datasets.fingerprints import blocks_found, write_fingerprints
from core.workspace import check_text

MAX_STEPS = 50
"""Number of steps that can be undone; older ones are deleted."""

ADDED, REMOVED = "+", "-"
"""Prefixes of a tag in `changes.field`: what the step did with it."""

COLUMNS = ("label", "split", "excluded")
"""The other values of `changes.field`."""

CHOSEN = "SELECT id FROM chosen"


def add_tag(catalog: Catalog, ids: Iterable[int], tag: str, *, mark: str = "") -> int:
    """Tag images, also with `mark` in the same step; return how many are newly tagged.

    Raises:
        WorkbenchError: The tag is empty, too long, or has control characters.
    """
    tag = check_text("tag", tag)
    with _step(catalog, f"tagged {{}} “{tag}”", ids, mark) as (connection, step):
        _tag(connection, step, tag)
        return _count(connection, step)


def remove_tag(catalog: Catalog, ids: Iterable[int], tag: str) -> int:
    """Remove a tag from images; return how many had it."""
    with _step(catalog, f"removed “{tag}” from {{}}", ids) as (connection, step):
        connection.execute(
            "INSERT INTO changes SELECT ?, image_id, ?, NULL FROM tags "
            f"WHERE tag = ? AND image_id IN ({CHOSEN})",
            (step, REMOVED + tag, tag),
        )
        connection.execute(f"DELETE FROM tags WHERE tag = ? AND image_id IN ({CHOSEN})", (tag,))
        return _count(connection, step)


def relabel(catalog: Catalog, ids: Iterable[int], label: str, *, mark: str = "") -> int:
    """Label images, and put those without a split into train; return how many changed.

    They are also tagged with `mark` in the same step, such as that of a data quality check.

    Raises:
        WorkbenchError: The label is empty, too long, or has control characters.
    """
    label = check_text("label", label)
    labels = dict.fromkeys(ids, label)
    return relabel_each(catalog, labels, f"labeled {{}} “{label}”", mark=mark)


def relabel_each(catalog: Catalog, labels: Mapping[int, str], title: str, *, mark: str = "") -> int:
    """Label images, as `relabel` does, with labels of their own: image id → label."""
    checked = {image_id: check_text("label", label) for image_id, label in labels.items()}
    return _set_each(catalog, title, "label", checked, mark)


def exclude(catalog: Catalog, ids: Iterable[int]) -> int:
    """Exclude images from training and indexes; return how many were included."""
    return _set_each(catalog, "excluded {}", "excluded", dict.fromkeys(ids, 1))


def include(catalog: Catalog, ids: Iterable[int]) -> int:
    """Include excluded images; return how many were excluded."""
    return _set_each(catalog, "included {}", "excluded", dict.fromkeys(ids, 0))


def move(catalog: Catalog, ids: Iterable[int], split: Split, *, mark: str = "") -> int:
    """Move images to a split, and tag them in the same step; return how many were not in it."""
    return _set_each(catalog, f"moved {{}} to {split}", "split", dict.fromkeys(ids, split), mark)


def assign(catalog: Catalog, splits: Mapping[int, Split], title: str) -> int:
    """Move images to splits of their own: image id → split. Return how many changed.

    Other images stay in theirs. The title of the step has `{}` for “n images”.
    """
    return _set_each(catalog, title, "split", splits)


def last_step(catalog: Catalog) -> str | None:
    """Return the title of the step that `undo` reverts, such as “excluded 3 images”, or None."""
    rows = catalog.select("SELECT title FROM steps ORDER BY id DESC LIMIT 1")
    return str(rows[0][0]) if rows else None


def undo(catalog: Catalog) -> str | None:
    """Revert the last step and return its title; None if there is none."""
    with connect(catalog.path) as connection:
        row = connection.execute("SELECT id, title FROM steps ORDER BY id DESC LIMIT 1").fetchone()
        if row is None:
            return None
        step, title = row
        blocks = _changed_blocks(connection, step)
        fields = connection.execute("SELECT DISTINCT field FROM changes WHERE step = ?", (step,))
        for (field,) in fields.fetchall():
            _revert(connection, step, field)
        connection.execute("DELETE FROM steps WHERE id = ?", (step,))
        write_fingerprints(connection, blocks)
        return str(title)


def tags_of(catalog: Catalog, ids: Iterable[int]) -> dict[int, list[str]]:
    """Return the tags of these images, sorted; images without tags are left out."""
    found: dict[int, list[str]] = {}
    query = (
        "SELECT image_id, tag FROM tags WHERE image_id IN (SELECT value FROM json_each(?)) "
        "ORDER BY tag"
    )
    for image_id, tag in catalog.select(query, [_json(ids)]):
        found.setdefault(image_id, []).append(tag)
    return found


def _set_each(
    catalog: Catalog, title: str, column: str, values: Mapping[int, str | int], mark: str = ""
) -> int:
    """Set a column of images in one step: image id → value; return how many changed."""
    by_value: dict[str | int, list[int]] = {}
    for image_id, value in values.items():
        by_value.setdefault(value, []).append(image_id)
    with _step(catalog, title, values, mark) as (connection, step):
        for value, ids in by_value.items():
            _choose(connection, ids)
            _set(connection, step, column, value)
            if column == "label":
                _set(connection, step, "split", Split.TRAIN, "split IS NULL AND problem IS NULL")
        return _count(connection, step)


@contextmanager
def _step(
    catalog: Catalog, title: str, ids: Iterable[int], mark: str = ""
) -> Iterator[tuple[sqlite3.Connection, int]]:
    """Yield a connection whose table `chosen` holds `ids`, and the number of a new step.

    At the end the images are tagged with `mark`, if it is given. A step that changed images is
    stored under its title, with their number.
    """
    ids = list(ids)
    with connect(catalog.path) as connection:
        connection.execute("CREATE TEMP TABLE chosen (id INTEGER PRIMARY KEY)")
        _choose(connection, ids)
        step = connection.execute("INSERT INTO steps (title) VALUES ('')").lastrowid or 0
        yield connection, step
        if mark:
            _choose(connection, ids)
            _tag(connection, step, mark)
        count = _count(connection, step)
        if not count:
            connection.execute("DELETE FROM steps WHERE id = ?", (step,))
            return
        images = f"{count:,} image{'s' if count > 1 else ''}"
        filled = title.replace("{}", images, 1)  # A tag may contain braces, too
        connection.execute("UPDATE steps SET title = ? WHERE id = ?", (filled, step))
        connection.execute("DELETE FROM steps WHERE id <= ?", (step - MAX_STEPS,))
        write_fingerprints(connection, _changed_blocks(connection, step))


def _choose(connection: sqlite3.Connection, ids: Iterable[int]) -> None:
    connection.execute("DELETE FROM chosen")
    connection.execute("INSERT OR IGNORE INTO chosen SELECT value FROM json_each(?)", (_json(ids),))


def _tag(connection: sqlite3.Connection, step: int, tag: str) -> None:
    """Tag the chosen images without the tag, and record the change."""
    connection.execute(
        "INSERT INTO changes SELECT ?, id, ?, NULL FROM images "
        f"WHERE id IN ({CHOSEN}) AND id NOT IN (SELECT image_id FROM tags WHERE tag = ?)",
        (step, ADDED + tag, tag),
    )
    connection.execute(
        "INSERT INTO tags SELECT ?, image_id FROM changes WHERE step = ? AND field = ?",
        (tag, step, ADDED + tag),
    )


def _set(
    connection: sqlite3.Connection, step: int, column: str, value: str | int, where: str = "TRUE"
) -> None:
    """Set a column of the chosen images with another value, and record the old value."""
    differs = f"id IN ({CHOSEN}) AND {column} IS NOT ? AND {where}"
    connection.execute(
        f"INSERT INTO changes SELECT ?, id, '{column}', {column} FROM images WHERE {differs}",
        (step, value),
    )
    connection.execute(f"UPDATE images SET {column} = ? WHERE {differs}", (value, value))


def _revert(connection: sqlite3.Connection, step: int, field: str) -> None:
    changed = "SELECT image_id FROM changes WHERE step = ?1 AND field = ?2"
    if field in COLUMNS:
        connection.execute(
            f"UPDATE images SET {field} = (SELECT old FROM changes "
            f"WHERE step = ?1 AND field = ?2 AND image_id = images.id) WHERE id IN ({changed})",
            (step, field),
        )
    elif field.startswith(ADDED):
        connection.execute(
            f"DELETE FROM tags WHERE tag = ?3 AND image_id IN ({changed})", (step, field, field[1:])
        )
    else:
        connection.execute(
            f"INSERT OR IGNORE INTO tags SELECT ?3, id FROM images WHERE id IN ({changed})",
            (step, field, field[1:]),
        )


def _changed_blocks(connection: sqlite3.Connection, step: int) -> set[int]:
    """Return the blocks of the images of which a step changed more than tags."""
    query = "SELECT image_id FROM changes WHERE step = ? AND field IN (?, ?, ?)"
    return blocks_found(connection, query, (step, *COLUMNS))


def _count(connection: sqlite3.Connection, step: int) -> int:
    """Return the number of images that a step changed."""
    query = "SELECT COUNT(DISTINCT image_id) FROM changes WHERE step = ?"
    return int(connection.execute(query, (step,)).fetchone()[0])


def _json(ids: Iterable[int]) -> str:
    return json.dumps([int(image_id) for image_id in ids])
