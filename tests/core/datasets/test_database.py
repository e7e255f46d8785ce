"""Catalogs of other versions: upgraded in a copy, once, or refused."""

import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from core.datasets import curation, database
from core.datasets.annotations.annotation import Box
from core.datasets.catalog import Catalog
from core.datasets.columns import SCHEMA_VERSION, ImageRow
from core.errors import DamagedArtifactError, WorkbenchError
from core.workspace import Workspace
from tests.support.old_workspace import old_workspace  # noqa: F401 - a fixture


@pytest.fixture
def old(old_workspace: Workspace) -> Path:  # noqa: F811
    """A catalog that release 0.1.0 wrote, with reviewed images."""
    path = old_workspace.datasets / "shapes" / "catalog.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO tags VALUES ('labels checked', 45)")
        connection.execute("INSERT INTO steps VALUES (99, 'tagged 1 image “labels checked”')")
        connection.execute("INSERT INTO changes VALUES (99, 45, '+labels checked', NULL)")
        connection.execute("INSERT INTO tags VALUES ('label issues checked', 46), ('x', 46)")
        connection.execute("INSERT INTO tags VALUES ('labels checked', 46)")
        connection.execute("UPDATE images SET leader = 4, leader_bits = 5 WHERE id = 5")
        connection.execute("INSERT OR REPLACE INTO facts VALUES ('gathered', '')")
    return path


def read(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.slow
def test_names_of_release_0_1_become_todays(old: Path) -> None:
    before = read(old, "SELECT id, path, label, split FROM images ORDER BY id")
    catalog = Catalog(old)
    assert curation.tags_of(catalog, [45, 46]) == {
        45: ["label issues checked"],
        46: ["label issues checked", "x"],
    }
    assert read(old, "PRAGMA user_version") == [(SCHEMA_VERSION,)]
    assert read(old, "SELECT id, path, label, split FROM images ORDER BY id") == before
    query = "SELECT representative, representative_bits FROM images WHERE id = 5"
    assert read(old, query) == [(4, 5)]
    facts = {name for (name,) in read(old, "SELECT name FROM facts")}
    assert facts == {"fingerprint", "images_fingerprint", "grouped", "revision"}
    assert read(old, "SELECT 1 FROM sqlite_master WHERE name = 'images_by_representative'")
    assert read(old, "PRAGMA integrity_check") == [("ok",)]
    assert curation.undo(catalog) == "tagged 1 image “label issues checked”"
    assert curation.tags_of(catalog, [45]) == {}


def test_an_upgraded_catalog_has_the_columns_of_a_new_one(old: Path, tmp_path: Path) -> None:
    Catalog(old).count()
    new = Catalog(tmp_path / "new.sqlite")
    new.create()
    names = "SELECT name FROM {}('images') ORDER BY name"
    for table in ("pragma_table_info", "pragma_index_list"):
        assert read(old, names.format(table)) == read(new.path, names.format(table))
    tables = "SELECT sql FROM sqlite_master WHERE tbl_name = 'boxes' ORDER BY name"
    assert read(old, tables) == read(new.path, tables) != []


def test_a_catalog_without_a_table_of_boxes_gets_one(old: Path) -> None:
    catalog = Catalog(old)
    catalog.count()
    with closing(sqlite3.connect(old)) as connection:  # As a version 2 catalog
        connection.executescript("DROP TABLE boxes; PRAGMA user_version = 2;")
    assert catalog.boxes_of([1]) == {}
    assert read(old, "PRAGMA user_version") == [(SCHEMA_VERSION,)]
    catalog.set_boxes({1: [Box("cat", 0.0, 0.0, 1.0, 1.0)]})
    assert catalog.boxes_of([1]) == {1: (Box("cat", 0.0, 0.0, 1.0, 1.0),)}


def test_several_open_it_at_once_and_one_upgrades(old: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(lambda _: Catalog(old).count(), range(16)))
    assert len(set(counts)) == 1
    assert counts[0] > 0
    assert [path.name for path in old.parent.glob(".*")] == []


def test_an_interrupted_upgrade_leaves_the_old_file_and_is_repeated(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = old.read_bytes()

    def fail(_: sqlite3.Connection) -> None:
        raise OSError("interrupted")

    with monkeypatch.context() as patch:
        patch.setattr(database, "create_tables", fail)
        with pytest.raises(OSError, match="interrupted"):
            Catalog(old).count()
    assert old.read_bytes() == before
    assert Catalog(old).count() > 0


@pytest.mark.slow
def test_a_writer_keeps_an_upgrade_waiting(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.1)
    with closing(sqlite3.connect(old)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(WorkbenchError, match="cannot be written"):
            Catalog(old).count()
    assert Catalog(old).count() > 0


@pytest.mark.slow
def test_a_newer_catalog_is_refused_with_one_sentence(old: Path) -> None:
    with closing(sqlite3.connect(old)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = old.read_bytes()
    with pytest.raises(WorkbenchError, match="“shapes” was made by a newer version"):
        Catalog(old).count()
    assert old.read_bytes() == before


def test_an_empty_file_is_no_catalog(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite").touch()
    with pytest.raises(DamagedArtifactError):
        Catalog(tmp_path / "catalog.sqlite").count()


def test_a_dataset_imported_again_has_another_revision(tmp_path: Path) -> None:
    """What is cached by path and revision must not be shown for another dataset of that name."""
    revisions = []
    for _ in range(2):
        shutil.rmtree(tmp_path / "d", ignore_errors=True)
        (tmp_path / "d").mkdir()
        catalog = Catalog(tmp_path / "d" / "catalog.sqlite")
        catalog.create()
        catalog.write(new=[ImageRow(0, "a.png", None, None, 1, 1, 1, 1, "00")])
        revisions.append(catalog.revision)
    assert len(set(revisions)) == 2
