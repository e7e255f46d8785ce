"""Exports with boxes: what is written is read back as it was."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml

from core.datasets.annotations import yolo
from core.datasets.annotations.annotated import Annotated
from core.datasets.annotations.annotation import Annotation, Annotations, Box
from core.datasets.annotations.source import annotate
from core.datasets.columns import ImageFilter, ImageRow, Split
from core.datasets.curation import relabel
from core.datasets.export.listing import ANNOTATED, Export, Format, list_exports
from core.datasets.export.run import ExportOptions, export_images
from core.datasets.layout import Reading
from core.datasets.registry import Dataset
from core.errors import WorkbenchError
from core.progress import finish
from core.workspace import Workspace
from tests.factories.datasets import bring_in
from tests.factories.images import class_folders, speckled

NAMES = ("red", "no", "007", "ein Über-Hund: “x”")


@pytest.fixture
def dataset(workspace: Workspace, tmp_path: Path) -> Dataset:
    """Three classes of 4 images; half of the images have one to three boxes, seeded."""
    root = class_folders(tmp_path / "images", red=4, green=4, blue=4)  # One name in each folder
    dataset = bring_in(workspace, root)
    rng = np.random.default_rng(0)
    boxes = {}
    for row in dataset.catalog.rows()[::2]:
        left, top = rng.uniform(0, 0.5, (2, 3))
        width, height = rng.uniform(0.1, 0.5, (2, 3))
        edges = list(zip(left, top, width, height, strict=True))[: 1 + row.id % 3]
        boxes[row.id] = [Box(str(rng.choice(NAMES)), *map(float, edge)) for edge in edges]
        boxes[row.id][0] = boxes[row.id][0]._replace(label=str(row.label), width=0.5, height=0.5)
    dataset.catalog.set_boxes(boxes)
    return dataset


def exported(workspace: Workspace, dataset: Dataset, form: Format) -> Export:
    return finish(export_images(workspace, dataset, ExportOptions(format=form)))


def read_back(export: Export, folder: Path) -> Annotations | Annotated:
    with zipfile.ZipFile(export.path) as archive:
        archive.extractall(folder)
    if export.format == Format.YOLO:
        return yolo.read(folder, folder / "data.yaml")
    files = [path.relative_to(folder).as_posix() for path in folder.rglob("*.json")]
    images = [path.relative_to(folder).as_posix() for path in (folder / "images").rglob("*.*")]
    return annotate(folder, files, images, Reading())


def by_content(folder: Path, found: Annotations | Annotated) -> dict[bytes, Annotation]:
    assert found.problems == ()
    return {(folder / path).read_bytes(): each for path, each in found.images.items()}


def expected(row: ImageRow, boxes: tuple[Box, ...]) -> tuple[Box, ...]:
    whole = () if row.label is None else (Box(row.label, 0.0, 0.0, 1.0, 1.0),)
    return boxes or whole


@pytest.mark.parametrize("form", ANNOTATED)
def test_boxes_classes_and_splits_are_read_back(
    workspace: Workspace, dataset: Dataset, tmp_path: Path, form: Format
) -> None:
    export = exported(workspace, dataset, form)
    assert export.path.name == "colors.zip"
    assert (export.num_images, export.num_left_out) == (12, 0)
    assert [each.id for each in list_exports(workspace, "colors")] == [export.id]
    found = by_content(tmp_path / "out", read_back(export, tmp_path / "out"))
    rows = dataset.catalog.rows()
    boxes = dataset.catalog.boxes_of([row.id for row in rows])
    assert len(found) == 12
    for row in rows:
        read = found[dataset.path_of(row).read_bytes()]
        assert (read.label, read.split) == (row.label, row.split)
        wanted = expected(row, boxes.get(row.id, ()))
        assert [box.label for box in read.boxes] == [box.label for box in wanted]
        for got, want in zip(read.boxes, wanted, strict=True):
            assert got[1:] == pytest.approx(want[1:], abs=1e-6)


@pytest.mark.parametrize("form", ANNOTATED)
def test_without_splits_images_stay_in_none(
    workspace: Workspace, dataset: Dataset, tmp_path: Path, form: Format
) -> None:
    dataset.catalog.set_splits(dict.fromkeys(dataset.catalog.ids(), None))
    found = read_back(exported(workspace, dataset, form), tmp_path / "out")
    assert {each.split for each in found.images.values()} == {None}
    assert all(path.count("/") == 1 for path in found.images)


@pytest.mark.parametrize("form", ANNOTATED)
def test_images_in_no_split_join_train_where_others_are_in_one(
    workspace: Workspace, dataset: Dataset, tmp_path: Path, form: Format
) -> None:
    dataset.catalog.set_splits(dict.fromkeys(dataset.catalog.ids(), None) | {1: Split.TEST})
    found = read_back(exported(workspace, dataset, form), tmp_path / "out")
    splits = [each.split for each in found.images.values()]
    assert (splits.count(Split.TRAIN), splits.count(Split.TEST)) == (11, 1)


@pytest.mark.parametrize("form", ANNOTATED)
def test_an_image_without_class_and_boxes_stays_so(
    workspace: Workspace, tmp_path: Path, form: Format
) -> None:
    (tmp_path / "images").mkdir()
    speckled("red", 0).save(tmp_path / "images/a.png")
    speckled("red", 1).save(tmp_path / "images/b.png")
    dataset = bring_in(workspace, tmp_path / "images")
    dataset.catalog.set_boxes({1: [Box("cat", 0.1, 0.1, 0.5, 0.5)]})
    found = read_back(exported(workspace, dataset, form), tmp_path / "out").images
    assert found["images/b.png"].boxes == ()
    assert found["images/b.png"].label is None


def test_coco_keeps_a_class_that_is_not_that_of_the_boxes(
    workspace: Workspace, dataset: Dataset, tmp_path: Path
) -> None:
    relabel(dataset.catalog, [1], "corrected")
    content = dataset.path_of(dataset.catalog.rows_by_id([1])[1]).read_bytes()
    export = exported(workspace, dataset, Format.COCO)
    found = by_content(tmp_path / "out", read_back(export, tmp_path / "out"))
    assert found[content].label == "corrected"


def test_yolo_has_a_file_for_each_image_though_their_names_differ_in_the_suffix_only(
    workspace: Workspace, tmp_path: Path
) -> None:
    for number, suffix in enumerate(("png", "webp")):
        (tmp_path / "images" / suffix).mkdir(parents=True)
        speckled("red", number).save(tmp_path / f"images/{suffix}/a.{suffix}")
    dataset = bring_in(workspace, tmp_path / "images")
    export = exported(workspace, dataset, Format.YOLO)
    with zipfile.ZipFile(export.path) as archive:
        names = sorted(archive.namelist())
        config = yaml.safe_load(archive.read("data.yaml"))
    assert [name.rpartition("/")[2] for name in names] == [
        *("data.yaml", "a-2.webp", "a.png", "a-2.txt", "a.txt")
    ]
    assert config["names"] == {0: "png", 1: "webp"}


def test_coco_has_what_its_tools_ask_for(workspace: Workspace, dataset: Dataset) -> None:
    with zipfile.ZipFile(exported(workspace, dataset, Format.COCO).path) as archive:
        content = json.loads(archive.read("annotations/instances_train.json"))
        names = set(archive.namelist())
    assert {f"images/train/{image['file_name']}" for image in content["images"]} <= names
    assert len({found["id"] for found in content["annotations"]}) == len(content["annotations"])
    found = content["annotations"][0]
    assert found["area"] == pytest.approx(found["bbox"][2] * found["bbox"][3], abs=1e-3)
    assert found["category_id"] in {each["id"] for each in content["categories"]}


@pytest.mark.parametrize("form", ANNOTATED)
def test_missing_images_are_listed_and_none_at_all_is_refused(
    workspace: Workspace, dataset: Dataset, form: Format
) -> None:
    first, *others = dataset.catalog.rows()
    dataset.path_of(first).unlink()
    export = exported(workspace, dataset, form)
    assert (export.num_images, export.num_left_out) == (11, 1)
    with zipfile.ZipFile(export.path) as archive:
        assert first.path in archive.read("left-out.csv").decode()
    for row in others:
        dataset.path_of(row).unlink()
    with pytest.raises(WorkbenchError, match="None of the 12 images"):
        exported(workspace, dataset, form)
    chosen = ExportOptions(format=form, images=ImageFilter(labels=("none",)))
    with pytest.raises(WorkbenchError, match="no such image"):
        finish(export_images(workspace, dataset, chosen))
