"""Sources as people have them, imported: splits, classes, and the list of what was not imported."""

import json
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from core.datasets.columns import ImageFilter, ImageStatus, Split
from core.datasets.folder_names import Use
from core.datasets.importing.changes import find_changes
from core.datasets.importing.rejected import group_problems, read_rejected
from core.datasets.importing.scan import add_folder, rescan
from core.datasets.importing.sources import folder_source
from core.datasets.layout import Layout, Reading
from core.datasets.registry import DESCRIPTION, Dataset, open_dataset
from core.datasets.splits import SplitConfig
from core.datasets.tally import Reason
from core.errors import WorkbenchError
from core.progress import finish
from core.workspace import Workspace
from tests.factories.images import png, solid, speckled

TRAIN, VAL, TEST = Split.TRAIN, Split.VALIDATION, Split.TEST
AS_IN_FOLDERS = SplitConfig(validation=0.0, test=0.0)


def write(root: Path, *folders: str, count: int = 4) -> Path:
    """Write different images into folders."""
    for number, folder in enumerate(folders):
        (root / folder).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            picture = speckled("red", seed=100 * number + index, side=8)
            (root / folder / f"{index}.png").write_bytes(png(picture))
    return root


def imported(
    workspace: Workspace,
    root: Path,
    reading: Reading = Reading(),  # noqa: B008
    splits: SplitConfig = AS_IN_FOLDERS,
) -> Dataset:
    return finish(add_folder(workspace, "mine", folder_source(root, reading), splits))


def counts(dataset: Dataset) -> dict[tuple[str | None, str | None], int]:
    return {(label, split): count for label, split, count in dataset.catalog.class_counts()}


def test_the_layout_of_a_kaggle_set_is_read(workspace: Workspace, tmp_path: Path) -> None:
    folders = [f"seg_{s}/seg_{s}/{c}" for s in ("train", "test") for c in ("sea", "forest")]
    dataset = imported(workspace, write(tmp_path / "in", *folders, "seg_pred/seg_pred"))
    labeled = [(label, split) for label in ("sea", "forest") for split in (TRAIN, TEST)]
    assert counts(dataset) == dict.fromkeys([(None, None), *labeled], 4)


def test_splits_of_folders_are_not_mixed(workspace: Workspace, tmp_path: Path) -> None:
    folders = [f"{s}_set/{s}_set/{c}" for s in ("training", "test") for c in ("cats", "dogs")]
    root = write(tmp_path / "in", *folders)
    dataset = imported(workspace, root, splits=SplitConfig(validation=0.25, test=0.25))
    for row in dataset.catalog.rows():
        in_test = row.path.startswith("test_set/")
        assert (row.split == TEST) == in_test, row.path
    assert dataset.catalog.count(ImageFilter(splits=(VAL,))) == 2  # Taken from train


def test_links_become_images_and_stay_so(workspace: Workspace, tmp_path: Path) -> None:
    real = write(tmp_path / "real", "cats", "dogs")
    root = tmp_path / "in"
    root.mkdir()
    (root / "cats").symlink_to(Path("../real/cats"))
    (root / "dogs").mkdir()
    for file in (real / "dogs").iterdir():
        (root / "dogs" / file.name).symlink_to(file)
    (root / "dogs" / "up").symlink_to(root)
    dataset = imported(workspace, root)
    assert counts(dataset) == {("cats", TRAIN): 4, ("dogs", TRAIN): 4}
    assert read_rejected(dataset.folder).counts == {Reason.LOOP: 1}
    again = finish(rescan(workspace, "mine"))
    assert (again.num_new, again.num_changed, again.num_gone) == (0, 0, 0)
    (real / "cats" / "new.png").write_bytes(png(solid("blue")))
    assert finish(rescan(workspace, "mine")).num_new == 1
    without = imported(Workspace(tmp_path / "other"), write(root, "own"), Reading(links=False))
    assert counts(without) == {("own", TRAIN): 4}
    assert read_rejected(without.folder).counts == {Reason.NOT_FOLLOWED: 6}


def test_loose_images_are_unlabeled(workspace: Workspace, tmp_path: Path) -> None:
    root = write(tmp_path / "in", "", "cats", "dogs")
    assert counts(imported(workspace, root))[None, None] == 4
    left_out = imported(Workspace(tmp_path / "other"), root, Reading(loose=False))
    assert (None, None) not in counts(left_out)
    assert group_problems(left_out) == {
        "Beside class folders": [f"{number}.png" for number in range(4)]
    }


def test_files_of_all_kinds_are_grouped_by_reason(workspace: Workspace, tmp_path: Path) -> None:
    root = write(tmp_path / "in", "cats", "@eaDir", "#recycle", "..foo")
    (root / "cats" / "IMG_1.cr2").write_bytes(b"raw")
    (root / "cats" / "notes.txt").write_bytes(b"text")
    (root / "cats" / "text.png").write_bytes(b"text")
    (root / "cats" / "other.png").write_bytes(b"text")
    dataset = imported(workspace, root)
    groups = group_problems(dataset)
    assert {reason: len(paths) for reason, paths in groups.items()} == {
        "System file or folder": 8,
        "Hidden": 4,
        "The file is not an image.": 2,
        "Unsupported image format": 1,
        "Not an image": 1,
    }
    every = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    known = {row.path for row in dataset.catalog.rows(ImageFilter(status=ImageStatus.READABLE))}
    assert known | {path for paths in groups.values() for path in paths} == every


def test_one_class_of_two_unicode_forms(workspace: Workspace, tmp_path: Path) -> None:
    composed = "K\u00f6ln"
    decomposed = unicodedata.normalize("NFD", composed)
    root = write(tmp_path / "in", f"train/{composed}", f"test/{decomposed}")
    dataset = imported(workspace, root)
    assert counts(dataset) == {(composed, TRAIN): 4, (composed, TEST): 4}
    paths = {row.path.split("/")[1] for row in dataset.catalog.rows()}
    assert paths == {composed, decomposed}
    assert all(dataset.path_of(row).is_file() for row in dataset.catalog.rows())


def test_a_test_folder_that_is_added_later_becomes_the_split(
    workspace: Workspace, tmp_path: Path
) -> None:
    root = write(tmp_path / "in", "train/cats", "train/dogs")
    dataset = imported(workspace, root, splits=SplitConfig(validation=0.25, test=0.0))
    before = {row.path: (row.id, row.label, row.split) for row in dataset.catalog.rows()}
    write(root, *["a"] * 20, "test/test/cats", "test/test/dogs", "pred")

    found = find_changes(dataset)
    assert found.folders == {
        "a": (Use.UNLABELED, 4),
        "pred": (Use.UNLABELED, 4),
        "test": (Use.TEST, 8),
    }
    assert open_dataset(workspace, "mine").roots == dataset.roots  # Nothing is written before
    assert finish(rescan(workspace, "mine")).folders == found.folders

    after = {row.path: (row.id, row.label, row.split) for row in dataset.catalog.rows()}
    assert {path: after[path] for path in before} == before
    assert Counter(facts[1:] for path, facts in after.items() if path not in before) == {
        ("cats", TEST): 4,
        ("dogs", TEST): 4,
        (None, None): 8,
    }
    again = finish(rescan(workspace, "mine"))
    assert (again.num_new, again.folders) == (0, {})
    write(root, "test/test/birds")
    finish(rescan(workspace, "mine"))
    assert counts(dataset)["birds", TEST] == 4


@pytest.mark.parametrize(
    ("first", "then", "added"),
    [
        (["cats", "dogs"], ["test/cats"], ("cats", TEST)),
        (["train/train/cats", "train/train/dogs"], ["val/val/cats"], ("cats", VAL)),
        (["seg_train/cats", "seg_train/dogs"], ["seg_test/cats"], ("cats", TEST)),
        (["data/cats", "data/dogs"], ["test/cats"], ("cats", TEST)),
        (["cats/train", "dogs/train"], ["cats/test"], ("cats", TEST)),
        (["train/cats", "val/cats"], ["testing_set/cats"], ("cats", TEST)),
        (["test/cats", "test/dogs"], ["train/cats"], ("cats", TRAIN)),
    ],
)
def test_new_split_folders_become_splits_whatever_was_there(
    workspace: Workspace, tmp_path: Path, first: list[str], then: list[str], added: tuple[str, str]
) -> None:
    root = write(tmp_path / "in", *first)
    dataset = imported(workspace, root, splits=SplitConfig(validation=0.25, test=0.25))
    before = {row.path: row for row in dataset.catalog.rows()}
    write(root, *["z"] * 20, *then)
    (root / "z").rename(tmp_path / "z")
    finish(rescan(workspace, "mine"))
    rows = {row.path: row for row in dataset.catalog.rows()}
    assert {path: rows[path] for path in before} == before
    assert {(row.label, row.split) for row in rows.values() if row.path not in before} == {added}


def test_a_dataset_of_an_earlier_version_keeps_splits_labels_and_gets_new_splits(
    workspace: Workspace, tmp_path: Path
) -> None:
    """As version 2 wrote it: train is skipped like any folder around classes."""
    decomposed = unicodedata.normalize("NFD", "K\u00f6ln")
    root = write(tmp_path / "in", f"train/{decomposed}", "train/dogs")
    dataset = imported(workspace, root, splits=SplitConfig(validation=0.25, test=0.25))
    described = json.loads((dataset.folder / DESCRIPTION).read_text())
    old = {"labels": "top", "has_splits": False, "skipped": 1, "loose": False}
    described |= {"version": 2}
    described["roots"][0]["layout"] = old
    (dataset.folder / DESCRIPTION).write_text(json.dumps(described))
    dataset.catalog.select("SELECT 1")
    import sqlite3

    with sqlite3.connect(dataset.catalog.path) as connection:
        for column in ("label", "folder_label"):
            connection.execute(
                f"UPDATE images SET {column} = ? WHERE {column} = ?", (decomposed, "K\u00f6ln")
            )
    before = {row.path: row for row in dataset.catalog.rows()}
    assert finish(rescan(workspace, "mine")).num_changed == 0
    assert {row.path: row for row in dataset.catalog.rows()} == before
    assert json.loads((dataset.folder / DESCRIPTION).read_text())["version"] == 2

    write(root, *["z"] * 20, f"test/{decomposed}", "test/dogs")
    (root / "z").rename(tmp_path / "z")
    (root / "train" / decomposed / "0.png").write_bytes(png(solid("blue")))
    finish(rescan(workspace, "mine"))
    rows = {row.path: row for row in dataset.catalog.rows()}
    assert dataset.catalog.labels() == sorted([decomposed, "dogs"])
    assert {(row.label, row.split) for path, row in rows.items() if path.startswith("test/")} == {
        (decomposed, TEST),
        ("dogs", TEST),
    }
    for path, row in before.items():
        assert (rows[path].label, rows[path].split) == (row.label, row.split)


def test_uploaded_classes_are_never_taken_for_splits(workspace: Workspace, tmp_path: Path) -> None:
    from core.datasets.importing.uploads import keep_uploads

    dataset = imported(workspace, write(tmp_path / "in", "cats"))
    for label in ("train", "test"):
        keep_uploads(dataset, [("a.png", png(speckled("blue", len(label))))], label)
        dataset = open_dataset(workspace, "mine")
    finish(rescan(workspace, "mine"))
    assert dataset.catalog.labels() == ["cats", "test", "train"]


def test_a_reading_that_leaves_nothing_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    root = write(tmp_path / "in", "train/cats", "test/cats")
    reading = Reading(folders=(("train", Use.SKIP), ("test", Use.SKIP)))
    with pytest.raises(WorkbenchError, match="No image of .* is left to import"):
        imported(workspace, root, reading)
    assert list(workspace.datasets.iterdir()) == []


def test_a_chosen_use_is_kept_by_rescans(workspace: Workspace, tmp_path: Path) -> None:
    root = write(tmp_path / "in", "train/cats", "test/cats", "extra/cats")
    reading = Reading(folders=(("test", Use.VALIDATION), ("extra", Use.SKIP)), loose=False)
    dataset = imported(workspace, root, reading)
    assert counts(dataset) == {("cats", TRAIN): 4, ("cats", VAL): 4}
    write(root, *["z"] * 20, "test/dogs", "extra/dogs", "val/dogs", "")
    (root / "z").rename(tmp_path / "z")
    assert find_changes(dataset).folders == {"val": (Use.VALIDATION, 4)}
    finish(rescan(workspace, "mine"))
    assert counts(dataset) == {
        ("cats", TRAIN): 4,
        ("cats", VAL): 4,
        ("dogs", VAL): 8,
    }
    assert read_rejected(dataset.folder).counts == {Reason.CHOSEN: 8, Reason.LOOSE: 4}
    layout: Layout = open_dataset(workspace, "mine").roots[0].layout
    assert dict(layout.splits)["test"] == Use.VALIDATION
