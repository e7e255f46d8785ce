"""Fingerprints of a catalog: they identify its usable images, with and without labels and splits.

Each is the hash of the hashes of blocks of images, so that a change reads its own blocks only.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence

from core.datasets.columns import ImageStatus

BLOCK_BITS = 12
"""A block has the images whose ids differ in the lowest 12 bits only. The fingerprint of a catalog
with a single block is that block's, as in version 3, which hashed all rows at once."""

ROWS = (
    "SELECT id, sha256, label, split FROM images "
    f"WHERE id >= ? AND id < ? AND {ImageStatus.USABLE.sql} ORDER BY id"
)
NAMES = ("fingerprint", "images_fingerprint")
"""Names of the facts, and columns of the table of blocks: with labels and splits, and without."""


def blocks_of(ids: Iterable[int]) -> set[int]:
    """Return the numbers of the blocks that these images are in."""
    return {image_id >> BLOCK_BITS for image_id in ids}


def blocks_between(before: int, last: int) -> set[int]:
    """Return the numbers of the blocks of ids above `before` and up to `last`."""
    return set(range((before + 1) >> BLOCK_BITS, (last >> BLOCK_BITS) + 1))


def blocks_found(
    connection: sqlite3.Connection, query: str, parameters: Sequence[object]
) -> set[int]:
    """Return the numbers of the blocks of the image ids that an SQL query finds as `image_id`."""
    blocks = f"SELECT DISTINCT image_id >> {BLOCK_BITS} FROM ({query})"
    return {number for (number,) in connection.execute(blocks, parameters)}


def write_fingerprints(connection: sqlite3.Connection, blocks: Iterable[int] | None = None) -> None:
    """Store the fingerprints of the present images after a change of these blocks, or of any."""
    if blocks is None:
        last = connection.execute("SELECT MAX(id) FROM images").fetchone()[0] or 0
        connection.execute("DELETE FROM blocks")
        blocks = range((last >> BLOCK_BITS) + 1)
    for number in blocks:
        _write_block(connection, number)
    for name in NAMES:
        value = _of_all(connection, name)
        earlier = connection.execute(
            "SELECT value FROM facts WHERE name = ?", (_earlier(name, value),)
        ).fetchone()
        connection.execute(
            "INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, earlier[0] if earlier else value)
        )


def keep_fingerprints(connection: sqlite3.Connection) -> None:
    """Let the present images keep the fingerprints of an earlier version, which artifacts have."""
    facts = dict(connection.execute("SELECT name, value FROM facts").fetchall())
    write_fingerprints(connection)
    for name in NAMES:
        value = _of_all(connection, name)
        if name in facts and facts[name] != value:
            connection.execute(
                "INSERT INTO facts VALUES (?, ?)", (_earlier(name, value), facts[name])
            )
            connection.execute("UPDATE facts SET value = ? WHERE name = ?", (facts[name], name))


def _earlier(name: str, value: str) -> str:
    """Return the name of the fact that holds the fingerprint of an earlier version."""
    return f"{name} before {value}"


def _write_block(connection: sqlite3.Connection, number: int) -> None:
    limits = number << BLOCK_BITS, (number + 1) << BLOCK_BITS
    rows = connection.execute(ROWS, limits).fetchall()
    if not rows:
        connection.execute("DELETE FROM blocks WHERE number = ?", (number,))
        return
    digests = (_digest(map(repr, rows)), _digest(repr(row[:2]) for row in rows))
    connection.execute("INSERT OR REPLACE INTO blocks VALUES (?, ?, ?)", (number, *digests))


def _of_all(connection: sqlite3.Connection, name: str) -> str:
    blocks = connection.execute(f"SELECT number, {name} FROM blocks ORDER BY number").fetchall()
    return str(blocks[0][1]) if len(blocks) == 1 else _digest(map(repr, blocks))


def _digest(texts: Iterable[str]) -> str:
    return hashlib.sha256("".join(texts).encode()).hexdigest()
