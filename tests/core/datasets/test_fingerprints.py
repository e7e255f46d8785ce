"""Fingerprints depend on the images only, not on how they came about, and outlive an upgrade."""

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from core.datasets import curation
from core.datasets.catalog import Catalog
from core.datasets.columns import Split
from core.datasets.database import connect
from core.datasets.fingerprints import BLOCK_BITS, blocks_between, blocks_of, write_fingerprints
from tests.factories.rows import image_row

MANY = (2 << BLOCK_BITS) + 5
"""Images of three blocks."""


def new_catalog(path: Path, numbers: range) -> Catalog:
    catalog = Catalog(path)
    catalog.create()
    catalog.write(new=[image_row(number) for number in numbers])
    return catalog


def both(catalog: Catalog) -> tuple[str, str]:
    return catalog.fingerprint, catalog.images_fingerprint


def test_a_fingerprint_is_the_hash_of_the_rows(tmp_path: Path) -> None:
    catalog = new_catalog(tmp_path / "catalog.sqlite", range(1, 4))
    rows = [(number, f"{number:064x}", "red", "train") for number in (1, 2, 3)]
    assert catalog.fingerprint == hashlib.sha256("".join(map(repr, rows)).encode()).hexdigest()


def test_blocks_of_ids() -> None:
    size = 1 << BLOCK_BITS
    assert blocks_of([1, size - 1, size, 5 * size]) == {0, 1, 5}
    assert blocks_between(0, size) == {0, 1}
    assert blocks_between(size - 1, size) == {1}
    assert blocks_between(7, 7) <= {0}


def test_each_change_leads_to_the_fingerprints_of_all_rows(tmp_path: Path) -> None:
    catalog = new_catalog(tmp_path / "catalog.sqlite", range(1, MANY))
    seen = {both(catalog)}
    last = MANY - 1
    for change in (
        lambda: catalog.write(new=[image_row(MANY)]),
        lambda: catalog.write(new=[image_row(0)._replace(path="x.png")]),
        lambda: catalog.write(changed={2: image_row(2, content=9)}, gone=[last]),
        lambda: curation.exclude(catalog, [1, last - 1]),
        lambda: curation.relabel(catalog, [5, last - 2], "blue"),
        lambda: catalog.set_splits({3: Split.TEST}),
        lambda: catalog.forget(range(1, 1 << BLOCK_BITS)),
    ):
        change()
        stored = both(catalog)
        assert stored not in seen
        seen.add(stored)
        with connect(catalog.path) as connection:
            write_fingerprints(connection)
        assert both(catalog) == stored


def test_undo_returns_to_the_fingerprints_before(tmp_path: Path) -> None:
    catalog = new_catalog(tmp_path / "catalog.sqlite", range(1, MANY))
    before = both(catalog)
    curation.exclude(catalog, [MANY - 1])
    curation.undo(catalog)
    assert both(catalog) == before


def test_tags_change_no_fingerprint(tmp_path: Path) -> None:
    catalog = new_catalog(tmp_path / "catalog.sqlite", range(1, 9))
    before = both(catalog)
    curation.add_tag(catalog, [1, 2], "best")
    assert both(catalog) == before


@pytest.mark.parametrize("count", [9, MANY])
def test_an_upgraded_catalog_keeps_its_fingerprints(tmp_path: Path, count: int) -> None:
    catalog = new_catalog(tmp_path / "catalog.sqlite", range(1, count))
    rows = catalog.select("SELECT id, sha256, label, split FROM images ORDER BY id")
    of_version_3 = hashlib.sha256("".join(map(repr, rows)).encode()).hexdigest()
    with closing(sqlite3.connect(catalog.path)) as connection:
        connection.executescript("DROP TABLE blocks; PRAGMA user_version = 3")
        connection.execute("UPDATE facts SET value = ? WHERE name = 'fingerprint'", (of_version_3,))
        connection.commit()
    assert catalog.fingerprint == of_version_3
    curation.exclude(catalog, [4])
    assert catalog.fingerprint != of_version_3
    curation.undo(catalog)
    assert catalog.fingerprint == of_version_3
