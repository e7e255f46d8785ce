"""What is exported can be imported again: labels, splits and tags are the same."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from core.datasets import curation
from core.datasets.annotations.annotation import Box
from core.datasets.columns import Split
from core.datasets.export.listing import Format
from core.datasets.export.run import ExportOptions, export_images
from core.datasets.importing.scan import add_folder
from core.datasets.importing.sources import add_archive, folder_source
from core.datasets.layout import AS_RECOGNIZED, Reading
from core.datasets.registry import Dataset
from core.datasets.splits import SplitConfig
from core.progress import finish
from core.workspace import Workspace
from tests.factories.images import class_folders

Facts = dict[str, tuple[str | None, str | None, tuple[str, ...]]]
ODD = {0: "NA", 1: "007", 2: "a, “b”; c", 3: "train", 4: "Bär/Katze"}


@pytest.fixture
def dataset(workspace: Workspace, tmp_path: Path) -> Dataset:
    """Images with odd labels, tags and all splits; one has no label."""
    root = class_folders(tmp_path / "images", red=6, blue=2)
    (root / "red" / "005.png").rename(root / "005.png")
    made = finish(add_folder(workspace, "colors", folder_source(root), SplitConfig()))
    catalog = made.catalog
    ids = {row.path: row.id for row in catalog.rows()}
    for number, label in ODD.items():
        curation.relabel(catalog, [ids[f"red/{number:03}.png"]], label)
    curation.move(catalog, [ids["red/001.png"]], Split.TEST)
    curation.move(catalog, [ids["red/002.png"]], Split.VALIDATION)
    curation.add_tag(catalog, [ids["red/001.png"], ids["005.png"]], "to check, soon")
    curation.add_tag(catalog, [ids["red/001.png"]], "ä")
    return made


def facts(dataset: Dataset) -> Facts:
    """SHA-256 → label, split and tags of each image."""
    rows = dataset.catalog.rows()
    tags = curation.tags_of(dataset.catalog, [row.id for row in rows])
    return {row.sha256: (row.label, row.split, tuple(tags.get(row.id, ()))) for row in rows}


def exported(workspace: Workspace, dataset: Dataset, form: Format) -> Path:
    return finish(export_images(workspace, dataset, ExportOptions(format=form))).path


def imported(workspace: Workspace, root: Path, reading: Reading = AS_RECOGNIZED) -> Dataset:
    return finish(add_folder(workspace, "again", folder_source(root, reading), SplitConfig()))


@pytest.mark.parametrize("form", [Format.CSV, Format.PARQUET])
@pytest.mark.parametrize("name", ["colors", "odd name"])
def test_a_table_beside_the_images_is_imported_without_options(
    workspace: Workspace, dataset: Dataset, tmp_path: Path, form: Format, name: str
) -> None:
    table = exported(workspace, dataset, form)
    copy = shutil.copytree(dataset.roots[0].path, tmp_path / "elsewhere")
    shutil.copy(table, copy / f"{name}.{form}")
    again = imported(workspace, copy)
    assert facts(again) == facts(dataset)
    assert again.roots[0].layout.annotations == (f"{name}.{form}",)


def test_a_table_is_chosen_where_it_was_written(workspace: Workspace, dataset: Dataset) -> None:
    table = exported(workspace, dataset, Format.CSV)
    reading = Reading(annotations=str(table))
    assert facts(imported(workspace, dataset.roots[0].path, reading)) == facts(dataset)


def test_a_table_with_tabs_is_imported(
    workspace: Workspace, dataset: Dataset, tmp_path: Path
) -> None:
    import pandas as pd

    table = exported(workspace, dataset, Format.CSV)
    copy = shutil.copytree(dataset.roots[0].path, tmp_path / "elsewhere")
    frame = pd.read_csv(table, dtype=str, keep_default_na=False)
    frame[["path", "label", "split", "tags"]].to_csv(copy / "labels.tsv", sep="\t", index=False)
    assert facts(imported(workspace, copy)) == facts(dataset)


@pytest.mark.parametrize("form", [Format.ZIP, Format.JSON_LINES, Format.FOLDER])
def test_a_tree_is_imported_with_its_metadata(
    workspace: Workspace, dataset: Dataset, form: Format
) -> None:
    path = exported(workspace, dataset, form)
    if form == Format.FOLDER:
        again = imported(workspace, path)
    else:
        again = finish(add_archive(workspace, "again", path, SplitConfig()))[0]
    # In a tree with splits, images in no split join train
    wanted = {
        content: (label, split or Split.TRAIN, tags)
        for content, (label, split, tags) in facts(dataset).items()
    }
    assert facts(again) == wanted


def test_json_lines_are_those_of_an_image_folder(workspace: Workspace, dataset: Dataset) -> None:
    path = exported(workspace, dataset, Format.JSON_LINES)
    assert path.name == "colors.zip"
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        tables = {name for name in names if name.endswith(".jsonl")}
        assert tables == {f"{split}/metadata.jsonl" for split in Split}
        for table in tables:
            lines = archive.read(table).decode().splitlines()
            for record in map(json.loads, lines):
                assert f"{table.split('/')[0]}/{record['file_name']}" in names
                assert isinstance(record["tags"], list)
                assert {"label", "split", "width", "sha256"} <= set(record)


def test_json_lines_keep_boxes(workspace: Workspace, dataset: Dataset) -> None:
    boxes = {
        1: (Box("cat", 0.25, 0.125, 0.5, 0.75), Box("007", 0.0, 0.0, 1.0, 1.0)),
        3: (Box("dog", 0.1, 0.2, 0.3, 0.4),),
    }
    dataset.catalog.set_boxes(boxes)
    path = exported(workspace, dataset, Format.JSON_LINES)
    again = finish(add_archive(workspace, "again", path, SplitConfig()))[0]
    known = {row.sha256: boxes.get(row.id, ()) for row in dataset.catalog.rows()}
    rows = again.catalog.rows()
    found = again.catalog.boxes_of([row.id for row in rows])
    for row in rows:
        wanted, got = known[row.sha256], found.get(row.id, ())
        assert [box.label for box in got] == [box.label for box in wanted]
        for one, other in zip(got, wanted, strict=True):
            assert one[1:] == pytest.approx(other[1:], abs=1e-6)
    labels = {content: label for content, (label, _, _) in facts(dataset).items()}
    assert {content: label for content, (label, _, _) in facts(again).items()} == labels
