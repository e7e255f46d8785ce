"""The import form: its sources, the preview before the import, and the two ways to begin."""

from pathlib import Path

import pytest

from core.datasets.layout import AS_RECOGNIZED, BACKGROUND, Reading
from core.workspace import Workspace
from state import previews
from tests.factories.images import class_folders, png, solid
from tests.support.page_fixtures import Open, last_job, stop_jobs, texts


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with splits, a clutter folder and a text."""
    root = tmp_path / "Pets"
    for split in ("train", "test"):
        class_folders(root / split, red=2, blue=1)
    (root / "train" / "readme.txt").write_text("no image")
    return root


def test_a_preview_shows_classes_splits_and_what_is_skipped(
    empty: Workspace, visit: Open, folder: Path
) -> None:
    app = visit("datasets")
    app.text_input(key="datasets-folder").set_value(str(folder)).run()
    assert "**6 images** · 2 classes" in texts(app)
    assert "Splits: train 3 · test 3 (folders)" in texts(app)
    assert "Not imported: 1 not an image" in texts(app)
    table = app.dataframe[0].value
    assert list(zip(table["class"], table["train"], table["test"], strict=True)) == [
        ("blue", 1, 1),
        ("red", 2, 2),
    ]
    thumbnails = [table[f"example {number}"].iloc[1] for number in (1, 2, 3)]
    assert all(uri.startswith("data:image/jpeg;base64,") for uri in thumbnails)
    assert list(app.dataframe[1].value["such as"]) == ["train/readme.txt"]


@pytest.mark.slow
def test_the_use_of_each_folder_can_be_changed(empty: Workspace, visit: Open, folder: Path) -> None:
    for name in ("seg_pred", ""):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "1.png").write_bytes(png(solid("red")))
    app = visit("datasets")
    app.text_input(key="datasets-folder").set_value(str(folder)).run()
    assert "**8 images** · 2 classes · 2 unlabeled" in texts(app)
    uses = {
        box.label.split(" · ")[0].replace("\\", ""): box
        for box in app.selectbox
        if "-use-" in str(box.key)
    }
    assert {name: box.value for name, box in uses.items()} == {
        "seg_pred": "unlabeled",
        "test": "test",
        "train": "train",
    }
    uses["test"].select("validation")
    uses["seg_pred"].select("skip")
    app.checkbox(key="datasets-folder-loose").uncheck().run()
    assert "**6 images** · 2 classes" in texts(app)
    assert "Splits: train 3 · validation 3 (folders)" in texts(app)
    assert "1 beside class folders · 1 folder that is skipped" in texts(app)
    app.button(key="datasets-folder-go").click().run()
    changed = ("--folder", "seg_pred=skip", "--folder", "test=validation", "--no-loose")
    assert last_job() == ("scan", str(folder), *changed, "--name", "pets")
    stop_jobs()


@pytest.mark.slow
def test_the_preview_follows_the_folder_structure(
    empty: Workspace, visit: Open, tmp_path: Path
) -> None:
    root = class_folders(tmp_path / "in", red=2, blue=1)
    (root / "red").rename(root / BACKGROUND)
    app = visit("datasets")
    app.text_input(key="datasets-folder").set_value(str(root)).run()
    assert "**1 image** · 1 class" in texts(app)
    assert "Not imported: 2 clutter folder of Caltech\\-101" in texts(app)
    app.checkbox(key="datasets-folder-background").check().run()
    assert "**3 images** · 2 classes" in texts(app)
    app.selectbox(key="datasets-folder-labels").select("none").run()
    assert "**3 images** · 0 classes" in texts(app)
    app.button(key="datasets-folder-go").click().run()
    expected = ("scan", str(root), "--labels", "none", "--keep-background", "--name", "in")
    assert last_job() == expected
    stop_jobs()


def test_a_part_of_a_large_folder_says_so(
    empty: Workspace, visit: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.datasets.importing.listing.MAX_FILES", 3)
    root = class_folders(tmp_path / "in", red=4, blue=4)
    app = visit("datasets")
    app.text_input(key="datasets-folder").set_value(str(root)).run()
    assert "First **3 images**" in texts(app)
    assert not app.button(key="datasets-folder-go").disabled


@pytest.mark.slow
def test_a_folder_is_imported_and_made_searchable_in_one_click(
    empty: Workspace, visit: Open, folder: Path
) -> None:
    app = visit("datasets")
    app.text_input(key="datasets-folder").set_value(str(folder)).run()
    app.button(key="datasets-folder-quick").click().run()
    assert last_job() == ("quickstart", str(folder), "--name", "pets")
    stop_jobs()


@pytest.mark.slow
def test_an_uploaded_folder_is_imported(empty: Workspace, visit: Open) -> None:
    app = visit("datasets")
    app.segmented_control(key="datasets-way").set_value("Upload folder").run()
    files = [(f"Pets/{name}/1.png", png(solid("red")), "image/png") for name in ("cat", "dog")]
    app.file_uploader(key="datasets-upload-0").set_value(files).run()
    assert "**2 images** · 2 classes" in texts(app)
    app.button(key="datasets-upload-go").click().run()
    verb, path, *rest = last_job()
    assert (verb, rest) == ("unzip", ["--remove", "--name", "pets"])
    assert Path(path).parent == empty.downloads / "uploads"
    stop_jobs()


def test_a_damaged_zip_cannot_be_imported(empty: Workspace, visit: Open) -> None:
    app = visit("datasets")
    app.segmented_control(key="datasets-way").set_value("Archive").run()
    app.file_uploader(key="datasets-zip-0").upload("pets.zip", b"no zip").run()
    assert "is not a zip or tar archive" in texts(app)
    assert app.button(key="datasets-zip-go").disabled


@pytest.mark.slow
def test_caltech_is_downloaded_or_read_from_a_folder(
    empty: Workspace, visit: Open, tmp_path: Path
) -> None:
    root = class_folders(tmp_path / "101_ObjectCategories", red=2, blue=1)
    app = visit("datasets")
    app.segmented_control(key="datasets-way").set_value("Caltech-101").run()
    assert app.button(key="datasets-caltech-go").label == "Download"
    app.text_input(key="datasets-caltech-folder").set_value(str(tmp_path)).run()
    assert "**3 images** · 2 classes" in texts(app)
    assert app.button(key="datasets-caltech-go").label == "Import"
    app.button(key="datasets-caltech-go").click().run()
    assert last_job() == ("scan", str(root.parent), "--name", "caltech101")
    stop_jobs()


@pytest.mark.slow
def test_a_suggested_name_is_free(full: Workspace, visit: Open, tmp_path: Path) -> None:
    root = class_folders(tmp_path / "colors", red=2)
    app = visit("datasets")
    app.button(key="datasets-import").click().run()
    app.text_input(key="datasets-folder").set_value(str(root)).run()
    assert app.text_input(key="datasets-folder-name").value == "colors-2"


@pytest.mark.slow
def test_a_name_follows_the_folder_until_it_is_edited(
    empty: Workspace, visit: Open, tmp_path: Path
) -> None:
    first, second, third = (class_folders(tmp_path / name, red=2) for name in "abc")
    app = visit("datasets")
    name = "datasets-folder-name"
    for root in (first, second):
        app.text_input(key="datasets-folder").set_value(str(root)).run()
        assert app.text_input(key=name).value == root.name
    app.text_input(key=name).set_value("mine").run()
    app.text_input(key="datasets-folder").set_value(str(third)).run()
    assert app.text_input(key=name).value == "mine"


def test_a_preview_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = class_folders(tmp_path / "in", red=2)
    first = previews.of_folder(str(root), AS_RECOGNIZED)
    monkeypatch.delattr("state.previews.list_folder")
    other = Reading(loose=False)  # Which needs no other listing
    assert previews.of_folder(str(root), other).listing is first.listing


@pytest.fixture
def annotated(tmp_path: Path) -> Path:
    """Images in one folder, a table with usual names of columns, and one with unusual ones."""
    root = class_folders(tmp_path / "Birds", red=3) / "red"
    for number, name in enumerate(("great_tit_1", "great_tit_2", "wren_7")):
        (root / f"{number:03}.png").rename(root / f"{name}.png")
    rows = ["great_tit_1.png,tit,train", "great_tit_2.png,tit,test", "gone.png,wren,train"]
    (root / "labels.csv").write_text("\n".join(["path,label,split", *rows]))
    (root / "odd.tsv").write_text("\n".join(["where,what,part", *rows]).replace(",", "\t"))
    return root


@pytest.mark.slow
def test_a_recognized_table_is_named_with_what_it_leaves_open(
    empty: Workspace, visit: Open, annotated: Path
) -> None:
    app = visit("datasets")
    app.text_input(key="datasets-folder").set_value(str(annotated)).run()
    assert "**3 images** · 1 class · 1 unlabeled" in texts(app)
    said = texts(app).replace("\\", "")
    assert "Labels from labels.csv (recognized)." in said
    assert "1 of 3 rows name no image of this source, such as gone.png." in said
    assert "1 of 3 images have no row, such as wren_7.png." in said
    assert "Splits: train 1 · test 1 (annotations)" in said
    app.button(key="datasets-folder-go").click().run()
    assert last_job() == ("scan", str(annotated), "--name", "red")
    stop_jobs()


@pytest.mark.slow
def test_a_table_is_chosen_with_its_columns(empty: Workspace, visit: Open, annotated: Path) -> None:
    (annotated / "labels.csv").unlink()
    app = visit("datasets")
    app.text_input(key="datasets-folder").set_value(str(annotated)).run()
    assert "odd.tsv may have labels; choose it" in texts(app).replace("\\", "")
    app.selectbox(key="datasets-folder-labels").select("odd.tsv").run()
    assert "has no column with paths of images" in texts(app)
    assert app.button(key="datasets-folder-go").disabled
    for title, name in (("Path column", "where"), ("Label column", "what")):
        next(box for box in app.selectbox if box.label == title).select(name).run()
    assert "**3 images** · 1 class · 1 unlabeled" in texts(app)
    app.button(key="datasets-folder-go").click().run()
    columns = ("--path-column=where", "--label-column=what")
    expected = ("scan", str(annotated), "--annotations=odd.tsv", *columns, "--name", "red")
    assert last_job() == expected
    stop_jobs()


@pytest.mark.slow
def test_a_pattern_of_file_names_shows_what_it_reads(
    empty: Workspace, visit: Open, annotated: Path
) -> None:
    app = visit("datasets")
    app.text_input(key="datasets-folder").set_value(str(annotated)).run()
    app.selectbox(key="datasets-folder-labels").select("names").run()
    said = texts(app).replace("\\", "")
    assert "great_tit_1.png → **great_tit**" in said
    assert "wren_7.png → **wren**" in said
    assert "**3 images** · 2 classes" in said
    field = app.text_input(key="datasets-folder-pattern")
    field.set_value("great_{class}_{number}").run()
    said = texts(app).replace("\\", "")
    assert "wren_7.png → no match" in said
    assert "1 of 3 images do not match the pattern, such as wren_7.png." in said
    app.text_input(key="datasets-folder-pattern").set_value("{klass}").run()
    assert "is not a placeholder" in texts(app)
    assert app.button(key="datasets-folder-go").disabled
    app.text_input(key="datasets-folder-pattern").set_value("{class}_{number}").run()
    app.button(key="datasets-folder-go").click().run()
    expected = ("scan", str(annotated), "--pattern={class}_{number}", "--name", "red")
    assert last_job() == expected
    stop_jobs()


def test_an_uploaded_folder_brings_its_table(empty: Workspace, visit: Open) -> None:
    app = visit("datasets")
    app.segmented_control(key="datasets-way").set_value("Upload folder").run()
    files = [(f"Pets/{name}.png", png(solid("red")), "image/png") for name in ("1", "2")]
    table = ("Pets/labels.csv", b"path,label\n1.png,cat\n2.png,dog\n", "text/csv")
    app.file_uploader(key="datasets-upload-0").set_value([*files, table]).run()
    assert "**2 images** · 2 classes" in texts(app)
    assert "Labels from labels.csv" in texts(app).replace("\\", "")


@pytest.mark.slow
def test_images_are_uploaded_to_a_class(full: Workspace, visit: Open) -> None:
    app = visit("datasets")
    app.menu_button(key="datasets-manage").click("Add images").run()
    assert app.button(key="datasets-add-go").disabled
    files = [("new.png", png(solid("green")), "image/png"), ("bad.png", b"no image", "image/png")]
    app.file_uploader(key="datasets-add-files").set_value(files).run()
    app.selectbox(key="datasets-add-label").select("red").run()
    app.button(key="datasets-add-go").click().run()
    assert last_job() == ("rescan", "--dataset", "colors")
    assert "bad.png" in texts(app).replace("\\", "")  # Its error stays in the dialog
    stop_jobs()


@pytest.mark.slow
def test_a_folder_is_added_as_it_is_read(full: Workspace, visit: Open, annotated: Path) -> None:
    app = visit("datasets")
    app.menu_button(key="datasets-manage").click("Add images").run()
    app.segmented_control(key="datasets-add-source").set_value("Folder").run()
    assert app.button(key="datasets-add-folder-go").disabled
    app.text_input(key="datasets-add-folder").set_value(str(annotated)).run()
    assert "Labels from labels.csv (recognized)." in texts(app).replace("\\", "")
    app.selectbox(key="datasets-add-labels").select("names").run()
    app.button(key="datasets-add-folder-go").click().run()
    arguments = ("--dataset", "colors", "--pattern={class}_{number}")
    assert last_job() == ("add", str(annotated), *arguments)
    stop_jobs()
