import csv
import errno
import io
import json
import signal
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core import cli
from core.artifacts.folders import delete_artifact
from core.datasets import curation
from core.datasets.columns import ImageFilter, ImageStatus, Order, Split
from core.datasets.export.listing import Export, Format, list_exports
from core.datasets.export.names import FreeNames, TreeNames, fit
from core.datasets.export.run import ExportOptions, export_images
from core.datasets.filters import filter_as_arguments
from core.datasets.importing import archives
from core.datasets.importing.scan import Source, add_folder
from core.datasets.registry import Dataset, open_dataset
from core.datasets.splits import SplitConfig
from core.errors import MissingError, WorkbenchError
from core.progress import Stop, finish
from core.workspace import Workspace
from tests.factories.images import class_folders, png, speckled

TREES = [Format.ZIP, Format.FOLDER, Format.LINKS]
EVERY = ImageFilter(status=ImageStatus.READABLE)


def brought_in(workspace: Workspace, root: Path, name: str = "colors") -> Dataset:
    return finish(add_folder(workspace, name, Source(root=root), SplitConfig()))


@pytest.fixture
def dataset(workspace: Workspace, tmp_path: Path) -> Dataset:
    """Three classes of 5: by the shares 3 train, 1 validation and 1 test image of each."""
    return brought_in(workspace, class_folders(tmp_path / "images", red=5, green=5, blue=5))


def exported(workspace: Workspace, dataset: Dataset, form: Format, **wanted: Any) -> Export:
    return finish(export_images(workspace, dataset, ExportOptions(format=form, **wanted)))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def unpacked(export: Export, folder: Path) -> Path:
    """The tree of an export, whatever it is kept as."""
    if export.format == Format.ZIP:
        with zipfile.ZipFile(export.path) as archive:
            assert archive.testzip() is None
            archive.extractall(folder)
        return folder
    return export.path


def metadata_of(tree: Path) -> dict[str, dict[str, str]]:
    """The rows of all tables of a tree, by the image's path in it."""
    return {
        (table.parent / row["file_name"]).relative_to(tree).as_posix(): row
        for table in tree.rglob("metadata.csv")
        for row in rows_of(table)
    }


def facts_of(dataset: Dataset) -> list[tuple[str | None, str | None, str]]:
    return sorted((row.label, row.split, row.sha256) for row in dataset.catalog.rows(EVERY))


# Tables


def test_a_csv_holds_what_is_known_of_each_image(workspace: Workspace, dataset: Dataset) -> None:
    ids = dataset.catalog.ids()
    curation.add_tag(dataset.catalog, ids[:1], "a, “b” | c")
    curation.add_tag(dataset.catalog, ids[:1], "=1+1")
    curation.relabel(dataset.catalog, ids[:1], "-violet")
    curation.exclude(dataset.catalog, ids[1:2])
    rows = rows_of(exported(workspace, dataset, Format.CSV, images=EVERY).path)
    images = dataset.catalog.rows(EVERY)
    assert [int(row["id"]) for row in rows] == ids
    assert [Path(row["file"]) for row in rows] == [dataset.path_of(image) for image in images]
    assert [row["path"] for row in rows] == [image.path for image in images]
    assert [row["split"] for row in rows] == [image.split for image in images]
    assert json.loads(rows[0]["tags"]) == ["=1+1", "a, “b” | c"]
    assert (rows[0]["label"], rows[0]["width"], rows[0]["height"]) == ("-violet", "40", "40")
    assert [row["excluded"] for row in rows] == ["False", "True", *["False"] * 13]
    assert rows[1]["tags"] == "[]"
    assert rows[2]["sha256"] == images[2].sha256


def test_a_csv_comes_back_letter_by_letter(workspace: Workspace, tmp_path: Path) -> None:
    labels = ["=2+3", "+1", "-1", "@x", 'a"b', "a,b", "NA", "007", "两个", "<b>*x*</b>"]
    dataset = brought_in(workspace, class_folders(tmp_path / "images", red=len(labels)))
    for image_id, label in zip(dataset.catalog.ids(), labels, strict=True):
        curation.relabel(dataset.catalog, [image_id], label)
    export = exported(workspace, dataset, Format.CSV)
    read = pd.read_csv(export.path, dtype={"label": str}, keep_default_na=False)
    assert list(read["label"]) == labels
    assert list(read["problem"]) == [""] * len(labels)


def test_a_parquet_table_keeps_types_and_lists(workspace: Workspace, dataset: Dataset) -> None:
    curation.add_tag(dataset.catalog, dataset.catalog.ids()[:2], "x|y")
    export = exported(workspace, dataset, Format.PARQUET, order=Order.NEWEST)
    read = pd.read_parquet(export.path)
    images = dataset.catalog.rows(order=Order.NEWEST)
    assert list(read["id"]) == [image.id for image in images]
    assert list(read["label"]) == [image.label for image in images]
    assert [list(tags) for tags in read["tags"]] == [[]] * 13 + [["x|y"]] * 2
    assert {name: str(kind) for name, kind in read.dtypes.items()}["excluded"] == "bool"
    assert read["problem"].isna().all()


def test_a_large_table_is_read_in_stretches(
    workspace: Workspace, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.datasets.export.run.CHUNK", 4)
    for form in (Format.CSV, Format.PARQUET):
        path = exported(workspace, dataset, form).path
        read = pd.read_csv(path) if form == Format.CSV else pd.read_parquet(path)
        assert list(read["id"]) == dataset.catalog.ids()


# Trees


@pytest.mark.parametrize("form", TREES)
def test_a_tree_has_each_image_in_split_and_class(
    workspace: Workspace, dataset: Dataset, tmp_path: Path, form: Format
) -> None:
    curation.add_tag(dataset.catalog, dataset.catalog.ids()[:1], "first")
    export = exported(workspace, dataset, form)
    tree = unpacked(export, tmp_path / "tree")
    rows = metadata_of(tree)
    assert (export.num_images, len(rows)) == (15, 15)
    assert {path.relative_to(tree).as_posix() for path in tree.rglob("*.png")} == set(rows)
    images = dataset.catalog.rows_by_id(int(row["id"]) for row in rows.values())
    for path, row in rows.items():
        image = images[int(row["id"])]
        assert path == f"{image.split}/{image.label}/{Path(image.path).name}"
        assert (tree / path).read_bytes() == dataset.path_of(image).read_bytes()
    assert [json.loads(row["tags"]) for row in rows.values() if row["id"] == "1"] == [["first"]]
    assert not (tree / "left-out.csv").exists()
    assert not (tree / ".tables").exists()


def test_each_splits_table_has_the_paths_from_its_folder_on(
    workspace: Workspace, dataset: Dataset
) -> None:
    tree = exported(workspace, dataset, Format.FOLDER).path
    assert {path.parent.name for path in tree.rglob("metadata.csv")} == set(Split)
    rows = rows_of(tree / "test" / "metadata.csv")
    assert next(iter(rows[0])) == "file_name"
    assert {row["file_name"].split("/")[0] for row in rows} == {"red", "green", "blue"}


def test_links_lead_to_the_originals(workspace: Workspace, dataset: Dataset) -> None:
    export = exported(workspace, dataset, Format.LINKS)
    links = list(export.path.rglob("*.png"))
    assert all(link.is_symlink() and link.readlink().is_absolute() for link in links)
    assert {link.resolve() for link in links} == {
        dataset.path_of(image).resolve() for image in dataset.catalog.rows()
    }
    delete_artifact(workspace.exports, export.id)
    assert all(dataset.path_of(image).is_file() for image in dataset.catalog.rows())


def test_the_same_images_make_the_same_zip(workspace: Workspace, dataset: Dataset) -> None:
    first, second = (exported(workspace, dataset, Format.ZIP) for _ in range(2))
    assert first.path.read_bytes() == second.path.read_bytes()
    with zipfile.ZipFile(first.path) as archive:
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        assert {entry.date_time[:3] for entry in archive.infolist()} == {(1980, 1, 1)}


@pytest.mark.parametrize("form", TREES)
def test_a_tree_comes_back_with_its_classes_and_splits(
    workspace: Workspace, dataset: Dataset, tmp_path: Path, form: Format
) -> None:
    ids = dataset.catalog.ids()
    curation.relabel(dataset.catalog, ids[:4], "given *label* <i>日本</i>".replace("/", ""))
    curation.move(dataset.catalog, ids[5:6], Split.TEST)
    export = exported(workspace, dataset, form)
    root = export.path
    if form == Format.ZIP:
        root = tmp_path / "back"
        assert finish(archives.unpack(export.path, root)).rejected == ()
    assert facts_of(brought_in(workspace, root, "back")) == facts_of(dataset)


# Odd names

ODD = [
    *("*bold* [x](y)", "<b>b<b>", "👩‍🔬 lab", "two\nlines", "x" * 255, "é" * 127, "tail. "),
    *("Cat", "cat", "CAT", "cat-2", "unlabeled", "images", "a:b", "\\back", "train", "..."),
    *("metadata.csv", "a/b", "a_b", ".hidden", "..", "NA"),
]


def places(
    labels: Sequence[str | None], split: str | None = None
) -> list[tuple[str | None, str | None]]:
    return [(label, split) for label in labels]


@pytest.mark.parametrize("labels", [ODD, ODD[::-1]])
def test_every_class_gets_a_folder_of_its_own(tmp_path: Path, labels: list[str]) -> None:
    names = TreeNames(places([*labels, None]))
    folders = {label: names.folder_of(label) for label in [*labels, None]}
    for folder in folders.values():
        (tmp_path / folder).mkdir()
        assert len(folder.encode()) <= 255
        assert not set(folder) & set("/\\:\n")
        assert folder[0] != "."
    assert len({folder.casefold() for folder in folders.values()}) == len(ODD) + 1
    assert {label for label in ODD if folders[label] == label} == {
        *("*bold* [x](y)", "<b>b<b>", "👩‍🔬 lab", "x" * 255, "é" * 127, "tail. ", "CAT"),
        *("cat-2", "train", "a_b", "NA"),
    }
    assert (folders["Cat"], folders["cat"]) == ("Cat-3", "cat-4")
    assert (folders[None], folders["unlabeled"]) == ("unlabeled", "_unlabeled")
    assert (folders["a/b"], folders["images"]) == ("a_b-2", "_images")


def test_classes_called_like_splits_are_told_from_them() -> None:
    named = TreeNames(places(["train", "Test"]))
    assert [named.folder_of(label) for label in ("train", "Test")] == ["_train", "_Test"]
    beside = TreeNames([("train", "train"), ("test", "test")])
    assert beside.folder_of("train") == "_train"  # train/train would repeat the split's name
    between = TreeNames(places(["train", "bus", "ship"]))
    assert between.folder_of("train") == "train"
    one = TreeNames(places(["train", "test"], "validation"))
    assert one.folder_of("test") == "_test"


def test_images_of_one_name_are_numbered(workspace: Workspace, tmp_path: Path) -> None:
    for number, place in enumerate(["a/cat/1.png", "b/cat/1.png", "c/cat/1-2.png", "d/dog/1.png"]):
        path = tmp_path / "images" / place
        path.parent.mkdir(parents=True)
        speckled("red", seed=number).save(path)
    dataset = brought_in(workspace, tmp_path / "images")
    for image in dataset.catalog.rows():
        curation.relabel(dataset.catalog, [image.id], image.path.split("/")[1])
    curation.move(dataset.catalog, dataset.catalog.ids(), Split.TRAIN)
    rows = metadata_of(exported(workspace, dataset, Format.FOLDER).path)
    assert {path: row["path"] for path, row in rows.items()} == {
        "train/cat/1.png": "a/cat/1.png",
        "train/cat/1-2.png": "b/cat/1.png",
        "train/cat/1-2-2.png": "c/cat/1-2.png",
        "train/dog/1.png": "d/dog/1.png",
    }


def test_a_thousand_images_of_one_long_name_have_as_many_names() -> None:
    free = FreeNames()
    names = {free.take("ü" * 130, ".png") for _ in range(1000)}
    assert len(names) == 1000
    assert max(len(name.encode()) for name in names) <= 255
    assert all(name.endswith(".png") for name in names)


def test_odd_classes_keep_their_true_label_in_the_table(
    workspace: Workspace, tmp_path: Path
) -> None:
    labels = [label for label in ODD if len(label) <= 200 and label.isprintable()]
    dataset = brought_in(workspace, class_folders(tmp_path / "images", red=len(labels)))
    for image_id, label in zip(dataset.catalog.ids(), labels, strict=True):
        curation.relabel(dataset.catalog, [image_id], label)
    expected = {str(row.id): row.label for row in dataset.catalog.rows()}
    for form in TREES:
        tree = unpacked(exported(workspace, dataset, form), tmp_path / "tree")
        rows = metadata_of(tree)
        assert {row["id"]: row["label"] for row in rows.values()} == expected
        assert all((tree / path).is_file() for path in rows)
    zipped = exported(workspace, dataset, Format.ZIP).path
    assert finish(archives.unpack(zipped, tmp_path / "back")).num_images == len(labels)


def test_odd_files_and_folders_are_exported(workspace: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "images" / "two\nlines"
    folder.mkdir(parents=True)
    odd = ["new\nline.png", "a:b.png", "back\\slash.png", "<img src=x>.png", "👩‍🔬.png", "=1.png"]
    for number, name in enumerate(odd):
        (folder / name).write_bytes(png(speckled("red", seed=number)))
    (folder / ("y" * 251 + ".png")).write_bytes(png(speckled("red", seed=9)))
    dataset = brought_in(workspace, tmp_path / "images")
    export = exported(workspace, dataset, Format.ZIP)
    assert export.num_images == 7
    found = finish(archives.unpack(export.path, tmp_path / "back"))
    assert (found.num_images, found.rejected) == (7, ())
    names = {path.name for path in (tmp_path / "back").rglob("*.png")}
    assert {"new_line.png", "a_b.png", "back_slash.png", "<img src=x>.png"} < names


def test_images_without_labels_and_splits_lie_in_one_folder(
    workspace: Workspace, tmp_path: Path
) -> None:
    flat = class_folders(tmp_path / "images", red=3) / "red"
    dataset = brought_in(workspace, flat)
    rows = metadata_of(exported(workspace, dataset, Format.FOLDER).path)
    assert set(rows) == {f"unlabeled/{number:03}.png" for number in range(3)}
    assert {(row["label"], row["split"]) for row in rows.values()} == {("", "")}
    back = brought_in(workspace, exported(workspace, dataset, Format.FOLDER).path, "back")
    assert {(row.label, row.split) for row in back.catalog.rows()} == {(None, None)}
    curation.relabel(dataset.catalog, dataset.catalog.ids()[:1], "unlabeled")
    rows = metadata_of(exported(workspace, dataset, Format.FOLDER).path)
    assert {path: row["split"] for path, row in rows.items()} == {
        "train/_unlabeled/000.png": "train",
        "train/unlabeled/001.png": "",
        "train/unlabeled/002.png": "",
    }


def test_a_fitting_name_stays_as_it_is() -> None:
    for name in ("cat", "ein Wort", "👩‍🔬", "<b>", "a.b", "NUL"):
        assert fit(name) == name


# What cannot be exported


@pytest.mark.parametrize("form", TREES)
def test_files_that_vanished_or_changed_are_listed(
    workspace: Workspace, dataset: Dataset, tmp_path: Path, form: Format
) -> None:
    gone, changed = dataset.catalog.rows()[:2]
    dataset.path_of(gone).unlink()
    dataset.path_of(changed).write_bytes(png(speckled("red", seed=77)))
    export = exported(workspace, dataset, form)
    num_left_out = 1 if form == Format.LINKS else 2  # What a link leads to is not read
    assert (export.num_images, export.num_left_out) == (15 - num_left_out, num_left_out)
    tree = unpacked(export, tmp_path / "tree")
    listed = rows_of(tree / "left-out.csv")
    assert [row["path"] for row in listed] == [gone.path, changed.path][:num_left_out]
    assert listed[0]["reason"].startswith("The file is missing")
    assert len(metadata_of(tree)) == 15 - num_left_out


def test_images_with_a_problem_are_in_tables_but_not_in_trees(
    workspace: Workspace, tmp_path: Path
) -> None:
    root = class_folders(tmp_path / "images", red=3)
    (root / "red" / "bad.png").write_bytes(b"no picture")
    dataset = brought_in(workspace, root)
    broken = ImageFilter(status=ImageStatus.PROBLEM)
    [row] = rows_of(exported(workspace, dataset, Format.CSV, images=broken).path)
    assert row["path"] == "red/bad.png"
    assert row["problem"]
    with pytest.raises(WorkbenchError, match=r"None of the 1 images .* red/bad\.png: "):
        exported(workspace, dataset, Format.FOLDER, images=broken)
    assert [export.format for export in list_exports(workspace, "colors")] == ["csv"]


def test_a_view_without_images_is_refused(workspace: Workspace, dataset: Dataset) -> None:
    for form in Format:
        with pytest.raises(WorkbenchError, match="no such image"):
            exported(workspace, dataset, form, images=ImageFilter(tags=("nowhere",)))
    assert list_exports(workspace, "colors") == []


class FullFile(io.FileIO):
    """A file on a disk that has room for so many bytes."""

    left = 0

    def write(self, content: Any, /) -> int:
        FullFile.left -= len(content)
        if FullFile.left < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(content)


@pytest.mark.parametrize("form", [Format.CSV, Format.PARQUET, Format.ZIP, Format.FOLDER])
@pytest.mark.parametrize("room", [0, 1500, 9000])
def test_a_full_disk_leaves_nothing(
    workspace: Workspace,
    dataset: Dataset,
    monkeypatch: pytest.MonkeyPatch,
    form: Format,
    room: int,
) -> None:
    needed = exported(workspace, dataset, form)
    monkeypatch.setattr(FullFile, "left", min(room, needed.size_bytes // 2))
    opened = Path.open

    def on_full_disk(path: Path, mode: str = "r", **options: Any) -> Any:
        return FullFile(path, mode) if mode == "xb" else opened(path, mode, **options)

    monkeypatch.setattr(Path, "open", on_full_disk)
    with pytest.raises(WorkbenchError, match="could not be written: the disk is full") as raised:
        exported(workspace, dataset, form)
    assert raised.value.advice
    assert [path.name for path in workspace.exports.iterdir()] == [needed.id]


def test_a_disk_without_links_is_told(
    workspace: Workspace, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, target: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted", str(path))

    monkeypatch.setattr(Path, "symlink_to", refuse)
    with pytest.raises(WorkbenchError, match="could not be written: Operation not permitted"):
        exported(workspace, dataset, Format.LINKS)
    assert list(workspace.exports.iterdir()) == []


@pytest.mark.parametrize("form", Format)
def test_an_export_that_is_stopped_leaves_nothing(
    workspace: Workspace, dataset: Dataset, form: Format
) -> None:
    work = export_images(workspace, dataset, ExportOptions(format=form))
    next(work)
    next(work)
    with pytest.raises(Stop):
        work.throw(Stop())
    assert list(workspace.exports.iterdir()) == []


# Which images, and what there is


def test_only_the_images_of_the_view_are_exported(workspace: Workspace, dataset: Dataset) -> None:
    images = ImageFilter(labels=("red", "blue"), splits=(Split.TEST,))
    export = exported(workspace, dataset, Format.CSV, images=images, order=Order.CLASS)
    rows = rows_of(export.path)
    assert [(row["label"], row["split"]) for row in rows] == [("blue", "test"), ("red", "test")]
    tree = exported(workspace, dataset, Format.FOLDER, images=images).path
    assert {path.split("/")[:2][1] for path in metadata_of(tree)} == {"red", "blue"}


def test_exports_are_named_listed_and_deleted(workspace: Workspace, dataset: Dataset) -> None:
    assert list_exports(workspace, "colors") == []
    made = [exported(workspace, dataset, Format.CSV) for _ in range(2)]
    made.append(exported(workspace, dataset, Format.ZIP))
    brought_in(workspace, dataset.roots[0].path, "colors-2")
    other = exported(workspace, open_dataset(workspace, "colors-2"), Format.CSV)
    assert made[1].id == f"{made[0].id}-2"
    day = made[0].created[:10].replace("-", "")
    assert made[0].id == f"colors-{day}-csv"
    assert {export.id for export in list_exports(workspace, "colors")} == {e.id for e in made}
    assert [export.id for export in list_exports(workspace, "colors-2")] == [other.id]
    assert made[0].size_bytes == made[0].path.stat().st_size
    delete_artifact(workspace.exports, made[0].id)
    assert {export.id for export in list_exports(workspace, "colors")} == {e.id for e in made[1:]}
    with pytest.raises(MissingError):
        delete_artifact(workspace.exports, made[0].id)


def test_a_dataset_of_the_longest_name_can_be_exported(
    workspace: Workspace, tmp_path: Path
) -> None:
    name = "n" * 80
    dataset = brought_in(workspace, class_folders(tmp_path / "images", red=1), name)
    made = [exported(workspace, dataset, Format.PARQUET) for _ in range(2)]
    assert len(list_exports(workspace, name)) == 2
    delete_artifact(workspace.exports, made[1].id)


# The form

FORM = """
from core.datasets.filters import ImageFilter
from core.datasets.registry import open_dataset
from pages.parts.datasets import export_form
from state import resources
from state.view import View

dataset = open_dataset(resources.workspace(), "colors")
export_form.show(dataset, View(images=ImageFilter(tags={tags})))
"""


def form_of(*tags: str) -> AppTest:
    return AppTest.from_string(FORM.format(tags=tags), default_timeout=30).run()


@pytest.mark.slow
def test_the_form_counts_the_view_and_refuses_an_empty_one(
    workspace: Workspace, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(workspace.home))
    form = form_of()
    assert form.markdown[0].value.startswith("**15** images match")
    assert not form.button(key="datasets-export-go").disabled
    curation.add_tag(dataset.catalog, dataset.catalog.ids()[:1], "one")
    assert form_of("one").markdown[0].value.startswith("**1** image matches")
    assert form_of("none").button(key="datasets-export-go").disabled


@pytest.mark.slow
def test_the_form_lists_exports_and_deletes_them(
    workspace: Workspace, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(workspace.home))
    monkeypatch.setattr("pages.parts.components.downloads.MAX_DOWNLOADED_BYTES", 10_000)
    table = exported(workspace, dataset, Format.CSV)
    large = [exported(workspace, dataset, form) for form in (Format.ZIP, Format.FOLDER)]
    form = form_of()
    assert len(form.get("download_button")) == 1
    assert {code.value for code in form.code} == {str(export.path) for export in large}
    assert any("15 images" in caption.value for caption in form.caption)
    form.button(key=f"datasets-export-delete-{table.id}").click().run()
    assert not form.exception
    assert not form.get("download_button")
    assert len(list_exports(workspace, "colors")) == 2


# The command


@pytest.fixture
def signals_kept() -> Iterator[None]:
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("signals_kept")
def test_the_command_exports_the_same_images(
    workspace: Workspace,
    dataset: Dataset,
    capsys: pytest.CaptureFixture[str],
) -> None:
    curation.add_tag(dataset.catalog, dataset.catalog.ids(), "-x y")
    images = ImageFilter(
        labels=("red", ""),
        splits=(Split.TRAIN, Split.TEST),
        tags=("-x y",),
        text=".png",
        side=(40, 64),
        aspect=(1 / 3, 1.0),
        status=ImageStatus.READABLE,
    )
    home = ["--home", str(workspace.home), "--json"]
    command = ["export", "--dataset", "colors", "--format", "csv", *home]
    order = f"--sort={Order.NEWEST}"
    assert cli.main([*command, *filter_as_arguments(images), order]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["num_images"], result["format"]) == (4, "csv")
    ids = [int(row["id"]) for row in rows_of(Path(result["path"]))]
    assert ids == dataset.catalog.ids(images, Order.NEWEST)
    with pytest.raises(SystemExit, match="2"):
        cli.main([*command, "--side", "64"])
    assert "“64” is not a range" in capsys.readouterr().err
    assert cli.main([*command, "--class", "nobody"]) == 1
