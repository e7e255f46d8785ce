import os
import shutil
from pathlib import Path

import pytest

from core.datasets import curation
from core.datasets.catalog import GONE, Catalog
from core.datasets.columns import ImageFilter, Split
from core.datasets.importing.rescan import Rescanned, rescan
from core.datasets.importing.roots import add_root, relink
from core.datasets.registry import open_dataset
from core.errors import MissingError, WorkbenchError
from core.progress import finish
from core.workspace import Workspace
from tests.factories.datasets import bring_in
from tests.factories.images import class_folders, png, solid


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
    with pytest.raises(MissingError, match="is not there any more"):
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
    with pytest.raises(WorkbenchError, match="lie in each other"):
        finish(add_root(workspace, "colors", tmp_path / where))


def test_a_folder_without_images_does_not_join(workspace: Workspace, tmp_path: Path) -> None:
    bring_in(workspace, class_folders(tmp_path / "in", red=2, blue=2))
    (tmp_path / "empty").mkdir()
    with pytest.raises(WorkbenchError, match="holds no images"):
        finish(add_root(workspace, "colors", tmp_path / "empty"))
    assert len(open_dataset(workspace, "colors").roots) == 1
