import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from core.datasets import curation
from core.datasets.catalog import GONE, Catalog
from core.datasets.columns import ImageFilter, Split
from core.datasets.importing.roots import add_root, relink
from core.datasets.importing.scan import Rescanned, Source, add_folder, rescan, resplit
from core.datasets.registry import delete_dataset, list_datasets, open_dataset
from core.datasets.splits import SplitConfig
from core.errors import DamagedArtifactError, MissingError, WorkbenchError
from core.lineage.graph import read_lineage
from core.progress import Progress, finish
from core.workspace import Workspace
from tests.factories.datasets import bring_in
from tests.factories.images import class_folders, png, solid, speckled


def test_class_folders_become_labels(workspace: Workspace, tmp_path: Path) -> None:
    dataset = bring_in(workspace, class_folders(tmp_path / "in", red=10, blue=20))

    assert dataset.catalog.labels() == ["blue", "red"]
    assert dataset.catalog.count() == 30
    assert dataset.catalog.count(ImageFilter(labels=("red",), splits=(Split.TEST,))) == 2
    first = dataset.catalog.rows(ImageFilter(labels=("red",)), limit=1)[0]
    assert (first.path, first.width, first.height) == ("red/000.png", 40, 40)
    assert dataset.path_of(first).read_bytes() == png(speckled("red", 0))


def test_a_flat_folder_has_no_labels_and_no_split(workspace: Workspace, tmp_path: Path) -> None:
    folder = class_folders(tmp_path / "in", red=3) / "red"
    dataset = bring_in(workspace, folder)
    assert dataset.catalog.labels() == []
    assert [row.split for row in dataset.catalog.rows()] == [None] * 3


def test_images_deep_in_a_class_folder_belong_to_it(workspace: Workspace, tmp_path: Path) -> None:
    class_folders(tmp_path / "in" / "warm" / "nested", red=2)
    class_folders(tmp_path / "in" / "cold", blue=2)
    assert bring_in(workspace, tmp_path / "in").catalog.labels() == ["cold", "warm"]


def test_unreadable_files_are_listed_with_their_reasons(
    workspace: Workspace, tmp_path: Path
) -> None:
    root = class_folders(tmp_path / "in", red=3, blue=3)
    (root / "red" / "notes.png").write_text("not an image")
    (root / "red" / "readme.txt").write_text("no image by its name")

    catalog = bring_in(workspace, root).catalog

    assert catalog.count() == 6
    [problem] = catalog.problems()
    assert (problem.path, "notes.png" in str(problem.problem)) == ("red/notes.png", True)


def test_clutter_loops_and_pipes_are_skipped(workspace: Workspace, tmp_path: Path) -> None:
    root = class_folders(tmp_path / "in", red=2)
    class_folders(root / "__MACOSX", blue=2)
    (root / "red" / "loop").symlink_to(root)
    os.mkfifo(root / "red" / "pipe.png")
    (root / "empty").mkdir()
    assert [row.path for row in bring_in(workspace, root).catalog.rows()] == [
        "red/000.png",
        "red/001.png",
    ]


def test_a_name_that_is_no_text_is_listed_and_breaks_nothing(
    workspace: Workspace, tmp_path: Path
) -> None:
    root = class_folders(tmp_path / "in", red=2)
    Path(os.fsdecode(os.fsencode(root / "red") + b"/caf\xe9.png")).write_bytes(png(solid("red")))
    catalog = bring_in(workspace, root).catalog
    [row] = catalog.problems()
    assert row.path == "red/caf\\xe9.png"
    assert row.problem == "Its name is not valid UTF-8; rename the file."
    assert catalog.count() == 2


@pytest.mark.parametrize("name", ["[x](www.e.vil)", "a\nb", "näher 🐟", "<b>bold", "x" * 255])
def test_strange_class_names_survive(workspace: Workspace, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "in" / name
    folder.mkdir(parents=True)
    (folder / "a.png").write_bytes(png(solid("red")))
    assert bring_in(workspace, tmp_path / "in").catalog.labels() == [name]


def test_a_folder_that_is_not_there_is_said(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="There is no folder"):
        bring_in(workspace, tmp_path / "nowhere")


def test_a_folder_without_images_is_said_and_leaves_nothing(
    workspace: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "in" / "empty").mkdir(parents=True)
    with pytest.raises(WorkbenchError, match="holds no images"):
        bring_in(workspace, tmp_path / "in")
    assert list(workspace.datasets.iterdir()) == []


def test_classes_without_two_usable_images_harm_nobody(
    workspace: Workspace, tmp_path: Path
) -> None:
    root = class_folders(tmp_path / "in", red=10, blue=1)
    for name in ("empty", "broken"):
        (root / name).mkdir()
    (root / "broken" / "a.png").write_bytes(b"no image")
    catalog = bring_in(workspace, root).catalog
    assert catalog.labels() == ["blue", "red"]
    assert [row.path for row in catalog.problems()] == ["broken/a.png"]
    [lonely] = catalog.rows(ImageFilter(labels=("blue",)))
    assert lonely.split == Split.TRAIN  # A class that is not learnt cannot be recognized


@pytest.mark.slow
def test_a_full_disk_leaves_no_dataset(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = class_folders(tmp_path / "in", red=100, blue=100)
    connect = sqlite3.connect

    def small_disk(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)
        connection.execute("PRAGMA max_page_count = 25")
        return connection

    monkeypatch.setattr(sqlite3, "connect", small_disk)
    with pytest.raises(WorkbenchError, match="database or disk is full"):
        bring_in(workspace, root)
    assert list(workspace.datasets.iterdir()) == []


def test_a_taken_name_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    root = class_folders(tmp_path / "in", red=2)
    bring_in(workspace, root)
    with pytest.raises(WorkbenchError, match="There is a dataset “colors” already"):
        bring_in(workspace, root)


def test_background_is_left_out_and_said(workspace: Workspace, tmp_path: Path) -> None:
    root = class_folders(tmp_path / "in", red=2, blue=2)
    (root / "red").rename(root / "BACKGROUND_Google")
    source = Source(root=root, left_out=("BACKGROUND_Google",))
    dataset = finish(add_folder(workspace, "c", source, SplitConfig()))
    assert dataset.catalog.labels() == ["blue"]
    assert dataset.left_out == ("BACKGROUND_Google",)


def test_a_scan_given_up_leaves_nothing(workspace: Workspace, tmp_path: Path) -> None:
    root = class_folders(tmp_path / "in", red=2)
    work = add_folder(workspace, "colors", Source(root=root), SplitConfig())
    assert isinstance(next(work), Progress)
    work.close()
    assert list(workspace.datasets.iterdir()) == []
    assert list_datasets(workspace) == []


def test_splitting_anew_changes_the_fingerprint(workspace: Workspace, tmp_path: Path) -> None:
    catalog = bring_in(workspace, class_folders(tmp_path / "in", red=10, blue=10)).catalog
    before = catalog.fingerprint
    resplit(workspace, "colors", SplitConfig(test=0.5))
    assert catalog.count(ImageFilter(splits=(Split.TEST,))) == 10
    assert catalog.fingerprint != before


def test_forgetting_a_dataset_leaves_the_users_files(workspace: Workspace, tmp_path: Path) -> None:
    root = class_folders(tmp_path / "in", red=2)
    bring_in(workspace, root)
    delete_dataset(workspace, "colors")
    assert list_datasets(workspace) == []
    assert len(list(root.rglob("*.png"))) == 2


def test_a_damaged_description_is_named(workspace: Workspace, tmp_path: Path) -> None:
    dataset = bring_in(workspace, class_folders(tmp_path / "in", red=2))
    (dataset.folder / "dataset.json").write_text("{")
    with pytest.raises(DamagedArtifactError, match=r"colors/dataset\.json"):
        open_dataset(workspace, "colors")


def test_rows_are_found_by_id_whatever_their_number(workspace: Workspace, tmp_path: Path) -> None:
    catalog = bring_in(workspace, class_folders(tmp_path / "in", red=3)).catalog
    rows = catalog.rows_by_id([*range(5000), 10**12])
    assert sorted(row.path for row in rows.values()) == [
        "red/000.png",
        "red/001.png",
        "red/002.png",
    ]


@pytest.mark.parametrize("content", [b"", b"not a database", None])
def test_a_damaged_catalog_is_named_and_takes_no_other_dataset_along(
    workspace: Workspace, tmp_path: Path, content: bytes | None
) -> None:
    root = class_folders(tmp_path / "in", red=2)
    broken = bring_in(workspace, root, "broken").catalog
    bring_in(workspace, root, "sound")
    if content is None:
        broken.path.unlink()
    else:
        broken.path.write_bytes(content)
    with pytest.raises(DamagedArtifactError, match=r"broken/catalog\.sqlite is damaged"):
        broken.count()
    lineage = read_lineage(workspace)
    assert list(lineage.datasets) == ["sound"]
    assert "broken/catalog.sqlite" in lineage.damaged[0]


def again(workspace: Workspace, *, verify_all: bool = False) -> Rescanned:
    return finish(rescan(workspace, "colors", verify_all=verify_all))


def paths(catalog: Catalog) -> list[str]:
    return sorted(row.path for row in catalog.rows())


def test_scanning_again_keeps_ids_and_splits(workspace: Workspace, tmp_path: Path) -> None:
    root = class_folders(tmp_path / "in", red=5, blue=5)
    catalog = bring_in(workspace, root).catalog
    before = {row.path: (row.id, row.split) for row in catalog.rows()}
    fingerprint = catalog.fingerprint

    finish(rescan(workspace, "colors"))
    assert {row.path: (row.id, row.split) for row in catalog.rows()} == before
    assert catalog.fingerprint == fingerprint

    (root / "red" / "000.png").unlink()
    (root / "blue" / "new.png").write_bytes(png(solid("blue")))
    finish(rescan(workspace, "colors"))
    after = {row.path: (row.id, row.split) for row in catalog.rows()}
    assert after.pop("blue/new.png")[1] == Split.TRAIN
    del before["red/000.png"]
    assert after == before
    assert catalog.fingerprint != fingerprint


def test_a_changed_file_is_read_anew(workspace: Workspace, tmp_path: Path) -> None:
    root = class_folders(tmp_path / "in", red=2, blue=2)
    catalog = bring_in(workspace, root).catalog
    (root / "red" / "000.png").write_bytes(png(solid("red", side=99)))
    finish(rescan(workspace, "colors"))
    assert {row.path: row.width for row in catalog.rows()}["red/000.png"] == 99


def test_nothing_new_is_nothing_written(workspace: Workspace, tmp_path: Path) -> None:
    catalog = bring_in(workspace, class_folders(tmp_path / "in", red=3, blue=3)).catalog
    revision = catalog.revision
    found = again(workspace)
    assert found == Rescanned(num_new=0, num_changed=0, num_moved=0, num_gone=0)
    assert catalog.revision == revision


def test_a_moved_file_keeps_what_is_known_of_it(workspace: Workspace, tmp_path: Path) -> None:
    root = class_folders(tmp_path / "in", red=4, blue=4)
    catalog = bring_in(workspace, root).catalog
    before = {row.path: row for row in catalog.rows()}["red/002.png"]
    curation.add_tag(catalog, [before.id], "best")
    (root / "red" / "002.png").rename(root / "blue" / "renamed.png")

    assert again(workspace).num_moved == 1

    after = catalog.rows_by_id([before.id])[before.id]
    assert (after.path, after.split, after.label) == ("blue/renamed.png", before.split, "blue")
    assert curation.tags_of(catalog, [before.id]) == {before.id: ["best"]}
    assert catalog.count() == 8


def test_a_label_given_by_hand_outlives_a_move(workspace: Workspace, tmp_path: Path) -> None:
    root = class_folders(tmp_path / "in", red=4, blue=4)
    catalog = bring_in(workspace, root).catalog
    row = {row.path: row for row in catalog.rows()}["red/002.png"]
    curation.relabel(catalog, [row.id], "purple")
    (root / "red" / "002.png").rename(root / "blue" / "renamed.png")
    again(workspace)
    assert catalog.rows_by_id([row.id])[row.id].label == "purple"


def test_a_file_that_is_gone_is_listed_and_comes_back_as_it_was(
    workspace: Workspace, tmp_path: Path
) -> None:
    root = class_folders(tmp_path / "in", red=4, blue=4)
    catalog = bring_in(workspace, root).catalog
    row = {row.path: row for row in catalog.rows()}["red/002.png"]
    curation.add_tag(catalog, [row.id], "best")
    (root / "red" / "002.png").rename(tmp_path / "aside.png")
    assert again(workspace).num_gone == 1
    assert again(workspace).num_gone == 0
    assert [(gone.path, gone.problem) for gone in catalog.problems()] == [("red/002.png", GONE)]

    shutil.move(tmp_path / "aside.png", root / "red" / "002.png")
    again(workspace)

    assert catalog.problems() == []
    assert catalog.rows_by_id([row.id])[row.id] == row
    assert catalog.ids(ImageFilter(tags=("best",))) == [row.id]


def test_only_verifying_all_sees_a_change_that_left_size_and_time_alone(
    workspace: Workspace, tmp_path: Path
) -> None:
    root = class_folders(tmp_path / "in", red=2, blue=2)
    catalog = bring_in(workspace, root).catalog
    path = root / "red" / "000.png"
    stat, content = path.stat(), bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert again(workspace).num_changed == 0
    before = catalog.fingerprint
    assert again(workspace, verify_all=True).num_changed == 1
    assert catalog.fingerprint != before


def test_a_folder_that_is_not_there_loses_nothing(workspace: Workspace, tmp_path: Path) -> None:
    root = class_folders(tmp_path / "in", red=2, blue=2)
    catalog = bring_in(workspace, root).catalog
    root.rename(tmp_path / "moved")
    with pytest.raises(MissingError, match="does not exist any more"):
        again(workspace)
    assert catalog.count() == 4


def test_a_moved_folder_is_relinked(workspace: Workspace, tmp_path: Path) -> None:
    root = class_folders(tmp_path / "in", red=2, blue=2)
    dataset = bring_in(workspace, root)
    before = dataset.catalog.rows()
    root.rename(tmp_path / "moved")

    found = finish(relink(workspace, "colors", 0, tmp_path / "moved"))

    assert found == Rescanned(num_new=0, num_changed=0, num_moved=0, num_gone=0)
    dataset = open_dataset(workspace, "colors")
    assert dataset.catalog.rows() == before
    assert all(dataset.path_of(row).is_file() for row in before)


def test_another_folder_is_not_taken_for_a_moved_one(workspace: Workspace, tmp_path: Path) -> None:
    bring_in(workspace, class_folders(tmp_path / "in", red=2, blue=2))
    other = class_folders(tmp_path / "other", green=3)
    with pytest.raises(WorkbenchError, match="Of 4 files of “colors” only 0 are in"):
        finish(relink(workspace, "colors", 0, other))
    with pytest.raises(WorkbenchError, match="no folder number 1"):
        finish(relink(workspace, "colors", 1, other))
    with pytest.raises(MissingError, match="There is no folder"):
        finish(relink(workspace, "colors", 0, tmp_path / "nowhere"))
    assert open_dataset(workspace, "colors").roots[0].path == tmp_path / "in"


def test_a_second_folder_joins(workspace: Workspace, tmp_path: Path) -> None:
    bring_in(workspace, class_folders(tmp_path / "in", red=2, blue=2))
    more = class_folders(tmp_path / "more", red=1, green=3)

    found = finish(add_root(workspace, "colors", more))

    dataset = open_dataset(workspace, "colors")
    assert (found.num_new, dataset.catalog.count()) == (4, 8)
    assert dataset.catalog.labels() == ["blue", "green", "red"]
    assert {dataset.path_of(row) for row in dataset.catalog.rows()} >= set(more.rglob("*.png"))
    added = dataset.catalog.rows(ImageFilter(labels=("green",)))
    assert {row.split for row in added} == {Split.TRAIN}
    assert again(workspace) == Rescanned(num_new=0, num_changed=0, num_moved=0, num_gone=0)


@pytest.mark.parametrize("where", ["in", "in/red", "."])
def test_a_folder_that_is_in_already_is_refused(
    workspace: Workspace, tmp_path: Path, where: str
) -> None:
    bring_in(workspace, class_folders(tmp_path / "in", red=2, blue=2))
    with pytest.raises(WorkbenchError, match="overlap"):
        finish(add_root(workspace, "colors", tmp_path / where))


def test_a_folder_without_images_does_not_join(workspace: Workspace, tmp_path: Path) -> None:
    bring_in(workspace, class_folders(tmp_path / "in", red=2, blue=2))
    (tmp_path / "empty").mkdir()
    with pytest.raises(WorkbenchError, match="holds no images"):
        finish(add_root(workspace, "colors", tmp_path / "empty"))
    assert len(open_dataset(workspace, "colors").roots) == 1
