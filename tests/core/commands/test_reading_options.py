"""The reading of a source on the command line: dry runs, options, and what was imported."""

import argparse
import zipfile
from pathlib import Path

import pytest

from core.commands.reading_options import READING_OPTIONS, as_reading_arguments, read_reading
from core.datasets.annotations.roles import Role
from core.datasets.folder_names import Use
from core.datasets.layout import Labels, Reading
from core.datasets.registry import open_dataset
from core.datasets.tally import Reason
from core.workspace import Workspace
from tests.factories.images import class_folders, png, solid
from tests.support.commands import in_this_process


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Splits, predictions, a loose image and a text."""
    root = tmp_path / "in"
    for split in ("seg_train", "seg_test"):
        class_folders(root / split / split, red=2, blue=1)
    (root / "seg_pred").mkdir()
    (root / "seg_pred" / "1.png").write_bytes(png(solid("green")))
    (root / "loose.png").write_bytes(png(solid("red", side=9)))
    (root / "notes.txt").write_text("no image")
    return root


def test_a_dry_run_says_what_is_imported_and_imports_nothing(
    workspace: Workspace, root: Path
) -> None:
    seen = in_this_process(workspace.home, "scan", str(root), "--dry-run", "--json").result
    assert (seen["num_images"], seen["num_classes"], seen["num_unlabeled"]) == (8, 2, 2)
    assert seen["splits"] == {"train": 3, "test": 3}
    assert {each["name"]: each["use"] for each in seen["folders"]} == {
        "seg_pred": "unlabeled",
        "seg_test": "test",
        "seg_train": "train",
    }
    assert seen["classes"]["red"] == {"test": 2, "train": 2}
    assert seen["skipped_files"] == [["notes.txt", Reason.OTHER]]
    assert not workspace.datasets.exists() or not list(workspace.datasets.iterdir())
    text = in_this_process(workspace.home, "scan", str(root), "--dry-run").stdout
    assert "8 images, 2 classes, 2 unlabeled. Nothing was imported." in text
    assert "Not imported: 1 · not an image · notes.txt" in text
    assert ["red", "2", "2"] in [line.split() for line in text.splitlines()]


def test_the_import_says_the_same_as_the_dry_run(workspace: Workspace, root: Path) -> None:
    options = ("--folder", "seg_test=validation", "--folder", "seg_pred=skip", "--no-loose")
    seen = in_this_process(
        workspace.home, "scan", str(root), *options, "--dry-run", "--json"
    ).result
    made = in_this_process(
        workspace.home, "scan", str(root), *options, "--name", "x", "--test", "0", "--json"
    ).result
    assert made["splits"] == seen["splits"] == {"train": 3, "validation": 3}
    assert (
        made["skipped"]
        == seen["skipped"]
        == {
            Reason.OTHER: 1,
            Reason.LOOSE: 1,
            Reason.CHOSEN: 1,
        }
    )
    text = in_this_process(workspace.home, "rescan", "--dataset", "x").stdout
    assert "Images: 3 train, 3 validation." in text
    assert "Folders: seg_pred → skip, seg_test → validation, seg_train → train." in text
    assert "Not imported: 1 · beside class folders · loose.png" in text


def test_a_dry_run_of_a_rescan_says_which_folders_become_splits(
    workspace: Workspace, tmp_path: Path
) -> None:
    root = class_folders(tmp_path / "in" / "train", red=3, blue=3).parent
    assert in_this_process(workspace.home, "scan", str(root), "--name", "x").status == 0
    class_folders(root / "test", red=2)
    said = in_this_process(workspace.home, "rescan", "--dataset", "x", "--dry-run").stdout
    assert "Files of x: 2 new, 0 changed, 0 missing. Nothing was changed." in said
    assert "New folder test: 2 images become test." in said
    assert open_dataset(workspace, "x").catalog.count() == 6
    made = in_this_process(workspace.home, "rescan", "--dataset", "x", "--json").result
    assert made["folders"] == {"test": ["test", 2]}


def test_an_archive_has_a_dry_run_too(workspace: Workspace, root: Path, tmp_path: Path) -> None:
    archive = tmp_path / "in.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted(root.rglob("*.*")):
            packed.write(path, path.relative_to(root))
    seen = in_this_process(workspace.home, "unzip", str(archive), "--dry-run", "--json").result
    assert (seen["num_images"], seen["splits"]) == (8, {"train": 3, "test": 3})
    assert seen["skipped"] == {Reason.OTHER: 1}
    gone = in_this_process(workspace.home, "unzip", str(tmp_path / "gone.zip"), "--dry-run")
    assert (gone.status, "no file gone.zip" in gone.stderr) == (1, True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--folder", "seg_test"), "folder must be NAME=USE"),
        (("--folder", "seg_test=tests"), "folder must be NAME=USE"),
        (("--folder", "=test"), "folder must be NAME=USE"),
        ((), "required: --name"),
    ],
)
def test_wrong_options_are_wrong_usage(
    workspace: Workspace, root: Path, options: tuple[str, ...], said: str
) -> None:
    ended = in_this_process(workspace.home, "scan", str(root), *options)
    assert (ended.status, said in ended.stderr) == (2, True)


def test_a_folder_that_is_not_there_is_an_error(workspace: Workspace, root: Path) -> None:
    ended = in_this_process(workspace.home, "scan", str(root), "--dry-run", "--folder", "x=test")
    assert (ended.status, "no folder “x” beside the splits" in ended.stderr) == (1, True)


@pytest.mark.parametrize(
    "reading",
    [
        Reading(),
        Reading(labels=Labels.LEAF, loose=False, links=False, keep_background=True),
        Reading(folders=(("a=b", Use.TEST), ("--c d", Use.SKIP))),
    ],
)
def test_options_and_readings_are_the_same(reading: Reading) -> None:
    parser = argparse.ArgumentParser()
    for name, settings in READING_OPTIONS:
        parser.add_argument(name, **settings)
    assert read_reading(parser.parse_args(as_reading_arguments(reading))) == reading


TABLE = "name of image,kind,use\n001.png,cat,train\n002.png,dog,val\n009.png,dog,val\n"
CHOSEN = ("--path-column", "name of image", "--label-column", "kind", "--split-column", "use")


def test_annotations_are_read_with_chosen_columns(workspace: Workspace, tmp_path: Path) -> None:
    root = class_folders(tmp_path / "in", red=3) / "red"
    (root / "labels.csv").write_text(TABLE)
    options = ("--annotations", "labels.csv", *CHOSEN)
    text = in_this_process(workspace.home, "scan", str(root), *options, "--dry-run").stdout
    assert "3 images, 2 classes, 1 unlabeled. Nothing was imported." in text
    assert "Labels from labels.csv." in text
    assert "1 of 3 rows name no image of this source, such as 009.png." in text
    assert "1 of 3 images have no row, such as 000.png." in text
    assert "Not imported: 1 · annotated, but no image of this source · 009.png" in text
    made = in_this_process(workspace.home, "scan", str(root), *options, "--name", "x", "--json")
    assert made.result["splits"] == {"train": 1, "validation": 1}
    assert made.result["skipped"] == {Reason.NO_IMAGE: 1}
    (root / "labels.csv").write_text(TABLE.replace("cat", "lion"))
    said = in_this_process(workspace.home, "rescan", "--dataset", "x", "--dry-run").stdout
    assert "0 new, 0 changed, 0 missing, 1 relabeled" in said
    said = in_this_process(workspace.home, "rescan", "--dataset", "x").stdout
    assert "1 relabeled" in said
    assert "Annotations: labels.csv." in said
    assert open_dataset(workspace, "x").catalog.labels() == ["dog", "lion"]


def test_labels_of_file_names_and_of_folders_only(workspace: Workspace, tmp_path: Path) -> None:
    root = class_folders(tmp_path / "in", red=2)
    (root / "labels.csv").write_text("path,label\nred/000.png,x\nred/001.png,y\n")

    def classes(*options: str) -> list[str]:
        options = (*options, "--dry-run", "--json")
        return list(in_this_process(workspace.home, "scan", str(root), *options).result["classes"])

    assert classes() == ["x", "y"]
    assert classes("--annotations", "none") == ["red"]
    assert classes("--labels", "top") == ["red"]
    assert classes("--pattern", "{class}{number}") == []
    assert classes("--pattern", "0{class}") == ["00", "01"]
    both = in_this_process(
        workspace.home,
        *("scan", str(root), "--pattern", "{class}", "--annotations", "labels.csv", "--dry-run"),
    )
    assert (both.status, "exclude each other" in both.stderr) == (2, True)
    broken = in_this_process(workspace.home, "scan", str(root), "--pattern", "{x}", "--dry-run")
    assert (broken.status, "“{x}” is not a placeholder" in broken.stderr) == (1, True)


def test_a_reading_of_annotations_becomes_arguments() -> None:
    reading = Reading(
        annotations="-odd name.csv", columns=((Role.PATH, "a b"), (Role.TAGS, "")), encoding=""
    )
    parser = argparse.ArgumentParser()
    for name, settings in READING_OPTIONS:
        parser.add_argument(name, **settings)
    assert read_reading(parser.parse_args(as_reading_arguments(reading))) == reading
    named = Reading(pattern="-{class}")
    assert read_reading(parser.parse_args(as_reading_arguments(named))) == named
