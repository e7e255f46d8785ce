"""COCO and YOLO datasets: import, preview, rescan, and the way out and back in."""

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from core.datasets.annotations.annotation import Box
from core.datasets.annotations.file_names import NO_ANNOTATIONS
from core.datasets.columns import Split
from core.datasets.export.listing import ANNOTATED, Format
from core.datasets.export.run import ExportOptions, export_images
from core.datasets.importing.listing import list_archive_file, list_folder
from core.datasets.importing.preview import preview
from core.datasets.importing.rejected import read_rejected
from core.datasets.importing.scan import add_folder, rescan
from core.datasets.importing.sources import add_archive, folder_source
from core.datasets.layout import AS_RECOGNIZED, Reading
from core.datasets.registry import Dataset, open_dataset
from core.datasets.splits import SplitConfig
from core.errors import WorkbenchError
from core.progress import finish
from core.workspace import Workspace
from tests.factories.images import speckled

NO_SPLITS = SplitConfig(validation=0.0, test=0.0)
CAT, DOG = Box("cat", 0.25, 0.25, 0.5, 0.5), Box("dog", 0.0, 0.0, 1.0, 0.5)
BOXES = {"a": (CAT, DOG), "b": (CAT,), "c": (), "d": (DOG,)}
"""Stem of an image → its boxes; d is in validation, the others in train."""

LABELS = {"a": "dog", "b": "cat", "c": None, "d": "dog"}
SPLITS = {"a": Split.TRAIN, "b": Split.TRAIN, "c": Split.TRAIN, "d": Split.VALIDATION}


def draw(root: Path, folders: dict[str, str]) -> Path:
    """Draw the images, of 40 × 40 pixels, into the folders of their splits."""
    for seed, (stem, split) in enumerate(SPLITS.items()):
        folder = root / folders[split]
        folder.mkdir(parents=True, exist_ok=True)
        speckled("red", seed).save(folder / f"{stem}.png")
    return root


def coco_folder(root: Path) -> Path:
    draw(root, {"train": "train2017", "validation": "val2017"})
    for split, name in (("train", "train2017"), ("validation", "val2017")):
        write_coco(root / f"annotations/instances_{name}.json", split)
    (root / "annotations/captions_train2017.json").write_text('{"annotations": [{"caption": ""}]}')
    return root


def write_coco(file: Path, split: str, boxes: dict[str, tuple[Box, ...]] = BOXES) -> None:
    stems = [stem for stem in boxes if SPLITS[stem] == split]
    images: list[dict[str, Any]] = [
        {"id": number, "file_name": f"{stem}.png", "width": 40, "height": 40}
        for number, stem in enumerate(stems)
    ]
    annotations = [
        {
            "id": 1,
            "image_id": number,
            "category_id": box.label,
            "bbox": [40 * each for each in box[1:]],
        }
        for number, stem in enumerate(stems)
        for box in boxes[stem]
    ]
    classes = [{"id": name, "name": name} for name in ("cat", "dog")]
    content = {"images": images, "annotations": annotations, "categories": classes}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))


def yolo_folder(root: Path) -> Path:
    draw(root, {"train": "images/one", "validation": "images/two"})
    for stem, boxes in BOXES.items():
        folder = root / "labels" / ("one" if SPLITS[stem] == Split.TRAIN else "two")
        folder.mkdir(parents=True, exist_ok=True)
        lines = [
            f"{('cat', 'dog').index(label)} {x + w / 2} {y + h / 2} {w} {h}\n"
            for label, x, y, w, h in boxes
        ]
        (folder / f"{stem}.txt").write_text("".join(lines))
    (root / "data.yaml").write_text("train: images/one\nval: images/two\nnames: [cat, dog]\n")
    return root


def darknet_folder(root: Path) -> Path:
    """Labels beside the images, and the names of the classes in a file."""
    draw(root, {"train": "obj_train_data", "validation": "obj_valid_data"})
    yolo_folder(root / "other")
    for split, name in (("train", "one"), ("valid", "two")):
        for file in (root / "other/labels" / name).iterdir():
            file.rename(root / f"obj_{split}_data" / file.name)
    shutil.rmtree(root / "other")
    (root / "obj.names").write_text("cat\ndog\n")
    return root


FOLDERS = {"coco": coco_folder, "yolo": yolo_folder, "darknet": darknet_folder}


def imported(workspace: Workspace, root: Path, reading: Reading = AS_RECOGNIZED) -> Dataset:
    return finish(add_folder(workspace, "pets", folder_source(root, reading), NO_SPLITS))


def unpacked(workspace: Workspace, archive: Path, name: str = "pets") -> Dataset:
    return finish(add_archive(workspace, name, archive, NO_SPLITS))[0]


def packed(root: Path) -> Path:
    archive = root.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w") as opened:
        for path in sorted(root.rglob("*")):
            opened.write(path, path.relative_to(root).as_posix())
    return archive


def facts(dataset: Dataset) -> dict[str, tuple[Any, ...]]:
    """Stem of an image → class, split and boxes."""
    rows = dataset.catalog.rows()
    boxes = dataset.catalog.boxes_of([row.id for row in rows])
    return {Path(row.path).stem: (row.label, row.split, boxes.get(row.id, ())) for row in rows}


EXPECTED = {stem: (LABELS[stem], SPLITS[stem], BOXES[stem]) for stem in BOXES}


@pytest.mark.parametrize("form", FOLDERS)
def test_a_folder_is_recognized(workspace: Workspace, tmp_path: Path, form: str) -> None:
    root = FOLDERS[form](tmp_path / "pets")
    seen = preview(list_folder(root, AS_RECOGNIZED))
    assert seen.annotated.num_boxes == 4
    assert seen.classes == {"cat": {"train": 1}, "dog": {"train": 1, "validation": 1}}
    assert seen.unlabeled == {"train": 1}
    dataset = imported(workspace, root)
    assert facts(dataset) == EXPECTED
    expected = {"annotations/captions_train2017.json"} if form == "coco" else set()
    assert {each.path for each in read_rejected(dataset.folder).files} == expected


@pytest.mark.parametrize("form", FOLDERS)
def test_an_archive_is_recognized(workspace: Workspace, tmp_path: Path, form: str) -> None:
    archive = packed(FOLDERS[form](tmp_path / "pets"))
    seen = preview(list_archive_file(archive, AS_RECOGNIZED))
    assert seen.annotated.num_boxes == 4
    assert seen.annotated.num_problems == 0
    assert seen.classes == {"cat": {"train": 1}, "dog": {"train": 1, "validation": 1}}
    assert facts(unpacked(workspace, archive)) == EXPECTED


@pytest.mark.parametrize("form", FOLDERS)
def test_a_rescan_reads_changed_boxes_and_new_images(
    workspace: Workspace, tmp_path: Path, form: str
) -> None:
    root = FOLDERS[form](tmp_path / "pets")
    dataset = imported(workspace, root)
    revision = dataset.catalog.revision
    finish(rescan(workspace, "pets"))
    assert dataset.catalog.revision == revision
    if form == "coco":
        changed = BOXES | {"a": (CAT,), "b": ()}
        write_coco(root / "annotations/instances_train2017.json", "train", changed)
    else:
        folder = root / ("labels/one" if form == "yolo" else "obj_train_data")
        (folder / "a.txt").write_text("0 0.5 0.5 0.5 0.5\n")
        (folder / "b.txt").write_text("")
    finish(rescan(workspace, "pets"))
    found = facts(open_dataset(workspace, "pets"))
    assert found["a"] == ("cat", Split.TRAIN, (CAT,))
    assert found["b"] == (None, Split.TRAIN, ())
    assert found["d"] == EXPECTED["d"]


def test_one_file_can_be_chosen_or_none(workspace: Workspace, tmp_path: Path) -> None:
    root = coco_folder(tmp_path / "pets")
    none = preview(list_folder(root, AS_RECOGNIZED), Reading(annotations=NO_ANNOTATIONS))
    assert not none.annotated.is_used
    chosen = Reading(annotations="annotations/instances_val2017.json")
    assert facts(imported(workspace, root, chosen))["d"] == EXPECTED["d"]
    with pytest.raises(WorkbenchError, match="is not a COCO file of boxes|not an annotation file"):
        preview(
            list_folder(root, AS_RECOGNIZED),
            Reading(annotations="annotations/captions_train2017.json"),
        )


def test_a_damaged_coco_file_is_noted_and_the_folders_count(
    workspace: Workspace, tmp_path: Path
) -> None:
    root = draw(tmp_path / "pets", {"train": "one", "validation": "two"})
    (root / "instances.json").write_text('{"images": [{"id": 1, "file_name": "a.png"')
    seen = preview(list_folder(root, AS_RECOGNIZED))
    assert seen.annotated.notes == (
        "instances.json is not used: instances.json is not valid JSON.",
    )
    assert {label for label, _, _ in facts(imported(workspace, root)).values()} == {"one", "two"}


def test_boxes_of_stored_pixels_are_turned_with_the_image(
    workspace: Workspace, tmp_path: Path
) -> None:
    """64 × 32 stored pixels, upright 32 × 64: the left half of what is stored is on top."""
    root = tmp_path / "pets"
    root.mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (64, 32)).save(root / "a.jpg", exif=exif)
    content = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 64, "height": 32}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 32, 32]}],
        "categories": [{"id": 1, "name": "cat"}],
    }
    (root / "instances.json").write_text(json.dumps(content))
    assert facts(imported(workspace, root))["a"][2] == (Box("cat", 0.0, 0.0, 1.0, 0.5),)


@pytest.mark.parametrize("form", ANNOTATED)
@pytest.mark.parametrize("source", FOLDERS)
def test_an_export_is_imported_with_the_same_classes_splits_and_boxes(
    workspace: Workspace, tmp_path: Path, source: str, form: Format
) -> None:
    dataset = imported(workspace, FOLDERS[source](tmp_path / "pets"))
    export = finish(export_images(workspace, dataset, ExportOptions(format=form)))
    assert facts(unpacked(workspace, export.path, "again")) == EXPECTED
