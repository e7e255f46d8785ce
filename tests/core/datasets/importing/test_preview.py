"""The preview of an import says what the import then does."""

import zipfile
from collections import Counter
from io import BytesIO
from pathlib import Path

import pytest

from core.datasets.importing import listing
from core.datasets.importing.folder_uploads import keep_folder_for_job
from core.datasets.importing.listing import list_archive, list_folder, list_upload
from core.datasets.importing.preview import EXAMPLES, Preview, preview, thumbnails
from core.datasets.importing.rejected import read_rejected
from core.datasets.importing.scan import add_folder
from core.datasets.importing.sources import add_archive, folder_source
from core.datasets.layout import AS_RECOGNIZED, BACKGROUND, Labels, Reading
from core.datasets.registry import Dataset
from core.datasets.splits import SplitConfig
from core.datasets.tally import Reason
from core.errors import MissingError, WorkbenchError
from core.progress import finish
from core.workspace import Workspace
from tests.core.datasets.test_layout import LAYOUTS
from tests.factories.images import png, solid

CALTECH = [f"101_ObjectCategories/{name}/1.png" for name in ("ant", "bass", BACKGROUND)]
CLUTTERED = [
    *("cat/1.png", "cat/2.png", "dog/1.png", "loose.png", f"{BACKGROUND}/1.png"),
    *("notes.txt", "cat/.hidden.png", "__MACOSX/cat/1.png"),
]
TREES = {
    **{name: list(places) for name, places in LAYOUTS.items()},
    "caltech": CALTECH,
    "cluttered": CLUTTERED,
}
NO_SPLITS = SplitConfig(validation=0.0, test=0.0)


@pytest.fixture(params=TREES)
def paths(request: pytest.FixtureRequest) -> list[str]:
    """Paths of a folder's files."""
    return TREES[request.param]


def write(root: Path, paths: list[str]) -> Path:
    for path in paths:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(png(solid("red")))
    return root


def zip_of(paths: list[str]) -> BytesIO:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in paths:
            archive.writestr(path, png(solid("red")))
    return packed


def preview_folder(path: Path, reading: Reading = AS_RECOGNIZED) -> Preview:
    return preview(list_folder(path, reading), reading)


def preview_archive(stream: BytesIO, name: str, reading: Reading = AS_RECOGNIZED) -> Preview:
    return preview(list_archive(stream, name, reading), reading)


def check(dataset: Dataset, seen: Preview) -> None:
    """Compare a preview with the dataset that the same source became."""
    counts = dataset.catalog.class_counts()
    classes: Counter[str | None] = Counter()
    for label, _, count in counts:
        classes[label] += count
    assert seen.num_unlabeled == classes.pop(None, 0)
    assert {label: sum(split.values()) for label, split in seen.classes.items()} == classes
    assert seen.skipped == read_rejected(dataset.folder).counts
    assert list(seen.classes) == sorted(seen.classes)
    if seen.splits:
        by_split: Counter[str | None] = Counter()
        for _, split, count in counts:
            by_split[split] += count
        assert seen.splits == {split: count for split, count in by_split.items() if split}
    assert seen.is_complete


def test_a_folder_is_imported_as_previewed(
    workspace: Workspace, tmp_path: Path, paths: list[str]
) -> None:
    root = write(tmp_path / "in", paths)
    seen = preview_folder(root)
    check(finish(add_folder(workspace, "x", folder_source(root), NO_SPLITS)), seen)


def test_a_zip_is_imported_as_previewed(
    workspace: Workspace, tmp_path: Path, paths: list[str]
) -> None:
    archive = tmp_path / "in.zip"
    archive.write_bytes(zip_of(paths).getvalue())
    seen = preview_archive(zip_of(paths), "in.zip")
    check(finish(add_archive(workspace, "x", archive, NO_SPLITS))[0], seen)


def test_an_uploaded_folder_is_imported_as_previewed(
    workspace: Workspace, paths: list[str]
) -> None:
    files = [(f"mine/{path}", BytesIO(png(solid("red")))) for path in paths]
    names = [path for path, _ in files]
    seen = preview(list_upload(names, lambda number: files[number][1], AS_RECOGNIZED))
    archive = keep_folder_for_job(workspace, "mine", files)
    check(finish(add_archive(workspace, "x", archive, NO_SPLITS))[0], seen)


def test_what_is_skipped_is_counted(tmp_path: Path) -> None:
    seen = preview_folder(write(tmp_path, CLUTTERED))
    assert seen.classes == {"cat": {"": 2}, "dog": {"": 1}}
    assert (seen.num_unlabeled, seen.num_loose) == (1, 1)
    assert seen.skipped == {
        Reason.BACKGROUND: 1,
        Reason.HIDDEN: 1,
        Reason.SYSTEM: 1,
        Reason.OTHER: 1,
    }
    assert {file.path for file in seen.rejected} == {
        *(f"{BACKGROUND}/1.png", "cat/.hidden.png", "__MACOSX/cat/1.png", "notes.txt")
    }
    kept = preview_folder(tmp_path, Reading(keep_background=True, loose=False))
    assert kept.classes[BACKGROUND] == {"": 1}
    assert (kept.num_unlabeled, kept.skipped[Reason.LOOSE]) == (0, 1)
    assert preview_folder(tmp_path, Reading(labels=Labels.NONE)).num_unlabeled == 4


def test_each_class_has_three_thumbnails(tmp_path: Path) -> None:
    paths = [f"{label}/{number}.png" for label in ("cat", "dog") for number in range(5)]
    listed = list_folder(write(tmp_path, [*paths, "loose.png"]), AS_RECOGNIZED)
    packed = list_archive(zip_of([*paths, "loose.png"]), "in.zip", AS_RECOGNIZED)
    for each in (listed, packed):
        made = thumbnails(each, preview(each))
        assert {label: len(jpegs) for label, jpegs in made.items()} == {
            "cat": EXAMPLES,
            "dog": EXAMPLES,
            None: 1,
        }
        assert all(jpeg.startswith(b"\xff\xd8") for jpegs in made.values() for jpeg in jpegs)


def test_a_large_folder_is_seen_in_part_with_all_of_its_splits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [
        f"{split}/{label}/{number}.png"
        for split in ("train", "val", "test")
        for label in "abcdefgh"
        for number in range(5)
    ]
    monkeypatch.setattr(listing, "MAX_FILES", 30)
    seen = preview_folder(write(tmp_path, paths))
    assert not seen.is_complete
    assert seen.splits == {"train": 10, "validation": 10, "test": 10}


def test_a_preview_ends_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MAX_SECONDS", -1.0)
    seen = preview_folder(write(tmp_path, ["cat/1.png"]))
    assert (seen.num_images, seen.is_complete) == (0, False)


def test_a_folder_that_cannot_be_imported_says_why(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="There is no folder"):
        preview_folder(tmp_path / "nowhere")
    with pytest.raises(WorkbenchError, match="holds no images"):
        preview_folder(tmp_path)
    with pytest.raises(WorkbenchError, match="not a zip"):
        preview_archive(BytesIO(b"text"), "x.zip")


@pytest.mark.parametrize("path", ["mine/../../x.png", "/etc/x.png", "C:\\x.png", "mine/a\0.png"])
def test_an_upload_never_leaves_its_folder(workspace: Workspace, path: str) -> None:
    files = [("mine/cat/1.png", BytesIO(png(solid("red")))), (path, BytesIO(b""))]
    with pytest.raises(WorkbenchError, match="outside its folder"):
        keep_folder_for_job(workspace, "mine", files)
    assert not list(workspace.downloads.rglob("*.zip"))


def test_an_upload_that_is_too_large_or_without_images_is_refused(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "core.datasets.importing.folder_uploads"
    image = ("mine/1.png", BytesIO(png(solid("red"))))
    with pytest.raises(WorkbenchError, match="holds no images"):
        keep_folder_for_job(workspace, "mine", [("mine/notes.txt", BytesIO(b"x"))])
    monkeypatch.setattr(f"{module}.MAX_ENTRIES", 1)
    with pytest.raises(WorkbenchError, match="more than 1 files"):
        keep_folder_for_job(workspace, "mine", [image, image])
    monkeypatch.setattr(f"{module}.MAX_ARCHIVE_BYTES", 10)
    with pytest.raises(WorkbenchError, match="more than"):
        keep_folder_for_job(workspace, "mine", [image])
