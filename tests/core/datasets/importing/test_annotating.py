"""Labels from annotation files and file names: import, preview and rescan."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from core.datasets import curation
from core.datasets.annotations.file_names import NO_ANNOTATIONS
from core.datasets.columns import ImageRow
from core.datasets.importing.folder_uploads import keep_folder_for_job
from core.datasets.importing.listed_source import Listing
from core.datasets.importing.listing import (
    list_archive,
    list_folder,
    list_upload,
)
from core.datasets.importing.preview import Preview, preview, thumbnails
from core.datasets.importing.rejected import read_rejected
from core.datasets.importing.roots import add_root
from core.datasets.importing.scan import add_folder, rescan
from core.datasets.importing.sources import add_archive, folder_source
from core.datasets.layout import AS_RECOGNIZED, Labels, Reading
from core.datasets.registry import Dataset, open_dataset
from core.datasets.splits import SplitConfig
from core.datasets.tally import Reason
from core.errors import MissingError, WorkbenchError
from core.progress import finish
from core.workspace import Workspace
from tests.factories.images import png, speckled

NO_SPLITS = SplitConfig(validation=0.0, test=0.0)
CSV = "path,label,split,tags\n1.png,cat,train,\n2.png,dog,test,a;b\n3.png,cat,,\n9.png,cat,,\n"


def write(root: Path, *images: str, **texts: str) -> Path:
    """Write images, and texts: `train_in_labels__csv` is train/labels.csv."""
    for seed, path in enumerate(images):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(png(speckled("red", seed)))
    for name, text in texts.items():
        file = root / name.replace("__", ".").replace("_in_", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def imported(workspace: Workspace, root: Path, reading: Reading = AS_RECOGNIZED) -> Dataset:
    source = folder_source(root, reading)
    return finish(add_folder(workspace, "pets", source, NO_SPLITS))


def rows(dataset: Dataset) -> dict[str, ImageRow]:
    return {row.path: row for row in dataset.catalog.rows()}


def labels(dataset: Dataset) -> dict[str, str | None]:
    return {path: row.label for path, row in rows(dataset).items()}


def seen(root: Path, reading: Reading = AS_RECOGNIZED) -> Preview:
    return preview(list_folder(root, reading), reading)


def as_folder(root: Path, reading: Reading) -> Listing:
    return list_folder(root, reading)


def as_archive(root: Path, reading: Reading) -> Listing:
    return list_archive(zipped(root), "pets.zip", reading)


def as_upload(root: Path, reading: Reading) -> Listing:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    names = [f"pets/{path.relative_to(root).as_posix()}" for path in files]
    return list_upload(names, lambda number: io.BytesIO(files[number].read_bytes()), reading)


def zipped(root: Path) -> io.BytesIO:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(root.rglob("*")):
            archive.write(path, path.relative_to(root))
    return packed


def from_folder(workspace: Workspace, root: Path, reading: Reading) -> Dataset:
    return imported(workspace, root, reading)


def from_archive(workspace: Workspace, root: Path, reading: Reading) -> Dataset:
    file = root.parent / "pets.zip"
    file.write_bytes(zipped(root).getvalue())
    return finish(add_archive(workspace, "pets", file, NO_SPLITS, reading))[0]


def from_upload(workspace: Workspace, root: Path, reading: Reading) -> Dataset:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    content = [
        (f"pets/{path.relative_to(root).as_posix()}", io.BytesIO(path.read_bytes()))
        for path in files
    ]
    packed = keep_folder_for_job(workspace, "pets", content)
    return finish(add_archive(workspace, "pets", packed, NO_SPLITS, reading))[0]


KINDS = [(as_folder, from_folder), (as_archive, from_archive), (as_upload, from_upload)]
List = Callable[[Path, Reading], Listing]
Import = Callable[[Workspace, Path, Reading], Dataset]


@pytest.mark.parametrize(("listed", "from_source"), KINDS, ids=["folder", "archive", "upload"])
def test_a_table_at_the_root_is_recognized(
    workspace: Workspace, tmp_path: Path, listed: List, from_source: Import
) -> None:
    images = ["1.png", "2.png", "3.png", "4.png"]
    root = write(tmp_path / "pets", *images, labels__csv=CSV, notes__md="text")
    listing = listed(root, AS_RECOGNIZED)
    found = preview(listing)
    assert found.classes == {"cat": {"train": 1, "": 1}, "dog": {"test": 1}}
    assert (found.num_unlabeled, found.annotated.unused) == (1, ("9.png",))
    assert (found.annotated.files, found.annotated.is_recognized) == (("labels.csv",), True)
    assert found.skipped == {Reason.OTHER: 1, Reason.NO_IMAGE: 1}
    assert {label: len(each) for label, each in thumbnails(listing, found).items()} == {
        "cat": 2,
        "dog": 1,
        None: 1,
    }
    dataset = from_source(workspace, root, AS_RECOGNIZED)
    assert labels(dataset) == {"1.png": "cat", "2.png": "dog", "3.png": "cat", "4.png": None}
    splits = {path: row.split for path, row in rows(dataset).items()}
    assert splits == {"1.png": "train", "2.png": "test", "3.png": "train", "4.png": None}
    second = rows(dataset)["2.png"].id
    assert curation.tags_of(dataset.catalog, rows_ids(dataset)) == {second: ["a", "b"]}
    assert curation.last_step(dataset.catalog) is None
    skipped = read_rejected(dataset.folder)
    assert {file.path for file in skipped.files} == {"notes.md", "9.png"}
    assert dataset.roots[0].layout.annotations == ("labels.csv",)


def rows_ids(dataset: Dataset) -> list[int]:
    return dataset.catalog.ids()


def test_metadata_of_each_split_is_recognized(workspace: Workspace, tmp_path: Path) -> None:
    root = write(
        tmp_path / "pets",
        *("train/1.png", "train/sub/2.png", "test/1.png", "test/2.png"),
        train_in_metadata__jsonl='{"file_name": "1.png", "label": "cat"}\n'
        '{"file_name": "sub/2.png", "label": 7}\n',
        test_in_metadata__csv="file_name,label\n1.png,dog\n2.png,\n",
    )
    assert seen(root).classes == {
        "7": {"train": 1},
        "cat": {"train": 1},
        "dog": {"test": 1},
    }
    dataset = imported(workspace, root)
    assert labels(dataset) == {
        "train/1.png": "cat",
        "train/sub/2.png": "7",
        "test/1.png": "dog",
        "test/2.png": None,
    }
    assert rows(dataset)["test/1.png"].split == "test"


def test_metadata_without_labels_leaves_those_of_folders(tmp_path: Path) -> None:
    texts = "file_name,text\ncat/1.png,a cat\n"
    root = write(tmp_path, "cat/1.png", "dog/1.png", metadata__csv=texts)
    assert (list(seen(root).classes), seen(root).annotated.files) == (["cat", "dog"], ())
    write(tmp_path, metadata__csv="file_name,tags,split\ncat/1.png,x,val\n")
    found = seen(root)
    assert found.classes == {"cat": {"validation": 1}, "dog": {"": 1}}
    write(tmp_path, metadata__csv="file_name,label\nother.png,x\n")
    found = seen(root)
    assert found.classes.keys() == {"cat", "dog"}
    assert found.annotated.notes[0].startswith("metadata.csv is not used: No row of metadata.csv")


def test_metadata_of_few_images_is_only_used_if_it_is_chosen(tmp_path: Path) -> None:
    texts = "file_name,label\ncat/1.png,lion\n"
    root = write(tmp_path, "cat/1.png", "cat/2.png", "dog/1.png", metadata__csv=texts)
    found = seen(root)
    assert (list(found.classes), found.annotated.files) == (["cat", "dog"], ())
    assert found.annotated.notes == ("metadata.csv is not used: it names only 1 of 3 images.",)
    assert list(seen(root, Reading(annotations="metadata.csv")).classes) == ["lion"]


def test_annotations_replace_classes_of_folders_unless_they_are_chosen(tmp_path: Path) -> None:
    table = "path,label\ncat/1.png,lion\ndog/1.png,wolf\n"
    root = write(tmp_path, "cat/1.png", "dog/1.png", labels__csv=table)
    assert seen(root).classes.keys() == {"lion", "wolf"}
    for reading in (Reading(annotations=NO_ANNOTATIONS), Reading(labels=Labels.TOP)):
        assert seen(root, reading).classes.keys() == {"cat", "dog"}
    assert seen(root, Reading(labels=Labels.NONE)).classes == {}


def test_of_two_tables_none_is_used_unless_it_is_chosen(tmp_path: Path) -> None:
    table = "path,label\n1.png,cat\n"
    texts = {"a__csv": table, "b__tsv": table.replace(",", "\t"), "c__csv": "x\n"}
    root = write(tmp_path, "1.png", **texts)
    found = seen(root)
    assert (found.classes, found.annotated.files) == ({}, ())
    assert found.annotated.notes == ("a.csv and b.tsv both have labels; choose one to use it.",)
    assert seen(root, Reading(annotations="b.tsv")).classes == {"cat": {"": 1}}


def test_a_table_for_each_split_is_read_with_the_others(
    workspace: Workspace, tmp_path: Path
) -> None:
    images = [f"img/{number}.png" for number in range(1, 6)]
    train = "id,breed\n1,corgi\n2,pug\n3,pug\n"
    texts = {
        "train_labels__csv": train,
        "val_labels__csv": "id,breed\n4,pug\n",
        "test__csv": "id\n5\n",
        "sample_submission__csv": "id,breed\n5,corgi\n",
    }
    root = write(tmp_path, *images, **texts)
    found = seen(root)
    assert found.annotated.files == ("test.csv", "train_labels.csv", "val_labels.csv")
    assert found.classes == {"corgi": {"train": 1}, "pug": {"train": 2, "validation": 1}}
    assert found.unlabeled == {"test": 1}
    dataset = imported(workspace, root)
    (root / "test.csv").write_text("id,breed\n5,pug\n")
    finish(rescan(workspace, dataset.name))
    assert labels(dataset)["img/5.png"] == "pug"
    assert rows(dataset)["img/5.png"].split == "test"


def test_a_split_column_counts_more_than_the_name_of_the_table(tmp_path: Path) -> None:
    texts = {
        "train__csv": "path,label,split\n1.png,cat,val\n2.png,cat,\n",
        "test__csv": "path,label\n2.png,cat\n3.png,dog\n",
    }
    found = seen(write(tmp_path, "1.png", "2.png", "3.png", **texts))
    assert found.classes == {"cat": {"validation": 1, "test": 1}, "dog": {"test": 1}}
    assert found.annotated.problems == ("2.png: it is in test and train; test counts.",)


def test_a_table_of_few_images_or_far_below_is_only_used_if_it_is_chosen(tmp_path: Path) -> None:
    images = ["a/1.png", "a/2.png", "b/3.png"]
    table = "path,label\na/1.png,cat\n"
    root = write(tmp_path, *images, few__csv=table, a_in_deep__csv=table + "a/2.png,dog\n")
    assert seen(root).annotated.files == ()
    found = seen(root, Reading(annotations="a/deep.csv"))
    assert found.classes.keys() == {"cat", "dog"}
    assert found.num_unlabeled == 1


def test_the_table_beside_the_folder_of_images_is_recognized(tmp_path: Path) -> None:
    table = "id,breed\n1,corgi\n2,pug\n"
    root = write(tmp_path, "set/train/1.png", "set/train/2.png", set_in_labels__csv=table)
    assert seen(root).classes == {"corgi": {"train": 1}, "pug": {"train": 1}}


def test_a_table_that_names_no_image_is_refused_with_an_example(tmp_path: Path) -> None:
    root = write(tmp_path, "a/1.png", labels__csv="path,label\nother/2.png,cat\n")
    with pytest.raises(WorkbenchError) as caught:
        seen(root, Reading(annotations="labels.csv"))
    assert str(caught.value).startswith("No row of labels.csv names an image of this source.")
    assert "A row has “other/2.png”, an image is “a/1.png”" in str(caught.value)
    with pytest.raises(MissingError, match=r"no annotation file gone\.csv"):
        seen(root, Reading(annotations="gone.csv"))
    with pytest.raises(ValueError, match="exclude each other"):
        Reading(annotations="labels.csv", pattern="{class}_{number}")


@pytest.mark.parametrize(("listed", "from_source"), KINDS, ids=["folder", "archive", "upload"])
def test_file_names_name_the_class(
    workspace: Workspace, tmp_path: Path, listed: List, from_source: Import
) -> None:
    images = ["great_pyrenees_1.png", "great_pyrenees_2.png", "pug_10.png", "cover.png"]
    root = write(tmp_path / "pets", *(f"images/{name}" for name in images))
    reading = Reading(pattern="{class}_{number}")
    found = preview(listed(root, reading), reading)
    assert found.classes == {"great_pyrenees": {"": 2}, "pug": {"": 1}}
    assert found.annotated.without == ("images/cover.png",)
    dataset = from_source(workspace, root, reading)
    assert list(labels(dataset).values()).count("great_pyrenees") == 2
    assert labels(dataset)["images/cover.png"] is None


def test_a_rescan_reads_file_names(workspace: Workspace, tmp_path: Path) -> None:
    root = write(tmp_path / "pets", "pug_1.png")
    imported(workspace, root, Reading(pattern="{class}_{number}"))
    (root / "corgi_1.png").write_bytes(png(speckled("blue", 1)))
    finish(rescan(workspace, "pets"))
    dataset = open_dataset(workspace, "pets")
    assert labels(dataset) == {"pug_1.png": "pug", "corgi_1.png": "corgi"}


def test_a_rescan_reads_the_annotations_again(workspace: Workspace, tmp_path: Path) -> None:
    table = "path,label\n1.png,cat\n2.png,dog\n3.png,cow\n"
    root = write(tmp_path / "pets", "1.png", "2.png", "3.png", labels__csv=table)
    dataset = imported(workspace, root)
    curation.relabel(dataset.catalog, [rows(dataset)["1.png"].id], "lion")
    (root / "4.png").write_bytes(png(speckled("blue", 4)))
    write(
        root,
        labels__csv="path,label,tags,split\n1.png,puma,x,\n2.png,wolf,x,test\n3.png,cow,x,\n"
        "4.png,hen,new,test\n",
    )
    found = finish(rescan(workspace, "pets"))
    assert (found.num_new, found.num_relabeled, found.num_changed) == (1, 2, 0)
    now = rows(dataset)
    assert labels(dataset) == {"1.png": "lion", "2.png": "wolf", "3.png": "cow", "4.png": "hen"}
    assert [now[path].split for path in ("2.png", "4.png")] == ["train", "test"]
    assert curation.tags_of(dataset.catalog, rows_ids(dataset)) == {now["4.png"].id: ["new"]}
    again = finish(rescan(workspace, "pets"))
    assert (again.num_new, again.num_relabeled) == (0, 0)


def test_a_rescan_without_its_annotations_changes_nothing(
    workspace: Workspace, tmp_path: Path
) -> None:
    root = write(tmp_path / "pets", "1.png", labels__csv="path,label\n1.png,cat\n")
    dataset = imported(workspace, root)
    (root / "labels.csv").rename(root / "other.csv")
    with pytest.raises(MissingError, match=r"no annotation file labels\.csv"):
        finish(rescan(workspace, "pets"))
    (root / "labels.csv").write_text("path,label\nx.png,cat\n")
    with pytest.raises(WorkbenchError, match="No row of labels.csv"):
        finish(rescan(workspace, "pets"))
    assert labels(dataset) == {"1.png": "cat"}


def test_a_rescan_finds_the_metadata_of_a_new_split(workspace: Workspace, tmp_path: Path) -> None:
    def rows_of(*pairs: tuple[str, str]) -> str:
        return "\n".join(json.dumps({"file_name": name, "label": label}) for name, label in pairs)

    root = write(
        tmp_path / "pets",
        *("train/1.png", "val/1.png"),
        train_in_metadata__jsonl=rows_of(("1.png", "cat")),
        val_in_metadata__jsonl=rows_of(("1.png", "dog")),
    )
    dataset = imported(workspace, root)
    write(root, test_in_metadata__jsonl=rows_of(("1.png", "cow")))
    (root / "test" / "1.png").write_bytes(png(speckled("blue", 7)))
    (root / "val" / "metadata.jsonl").unlink()
    (root / "val" / "1.png").unlink()
    finish(rescan(workspace, "pets"))
    assert labels(dataset)["test/1.png"] == "cow"
    assert rows(dataset)["test/1.png"].split == "test"
    files = open_dataset(workspace, "pets").roots[0].layout.annotations
    assert files == ("test/metadata.jsonl", "train/metadata.jsonl")


def test_an_added_folder_has_annotations_of_its_own(workspace: Workspace, tmp_path: Path) -> None:
    imported(workspace, write(tmp_path / "pets", "cat/1.png"))
    more = write(tmp_path / "more", labels__csv="path,label,tags\n5.png,cow,x\n")
    (more / "5.png").write_bytes(png(speckled("blue", 5)))
    finish(add_root(workspace, "pets", more))
    dataset = open_dataset(workspace, "pets")
    assert labels(dataset) == {"cat/1.png": "cat", "5.png": "cow"}
    assert curation.tags_of(dataset.catalog, rows_ids(dataset)) == {
        rows(dataset)["5.png"].id: ["x"]
    }
    layout = dataset.roots[1].layout
    assert (layout.annotations, layout.labels) == (("labels.csv",), Labels.NONE)
