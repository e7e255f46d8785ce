import os
from io import BytesIO
from pathlib import Path

import pytest

from core.datasets.importing.scan import rescan
from core.datasets.importing.uploads import keep_for_job, keep_uploads
from core.datasets.registry import open_dataset
from core.errors import WorkbenchError
from core.jobs.records import new_record, write_record
from core.progress import finish
from core.workspace import Workspace
from tests.factories.datasets import bring_in
from tests.factories.images import class_folders, png, solid, speckled


def test_uploaded_images_join_with_and_without_a_class(
    workspace: Workspace, tmp_path: Path
) -> None:
    dataset = bring_in(workspace, class_folders(tmp_path / "in", red=2, blue=2))
    picture = png(speckled("green", 1))
    kept = keep_uploads(dataset, [("a.png", picture), ("a.png", png(solid("red")))], "green")
    assert kept == (2, [])
    dataset = open_dataset(workspace, "colors")
    assert keep_uploads(dataset, [("<b>\n../x.weird", picture)]) == (1, [])

    finish(rescan(workspace, "colors"))

    catalog = open_dataset(workspace, "colors").catalog
    added = {row.path: (row.label, row.split) for row in catalog.rows() if row.root == 1}
    assert added == {
        "green/a.png": ("green", "train"),
        "green/a-2.png": ("green", "train"),
        "<b>..x.png": (None, None),
    }


def test_an_upload_that_is_no_image_is_refused_and_the_others_are_kept(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = bring_in(workspace, class_folders(tmp_path / "in", red=2, blue=2))
    whole = png(speckled("red", 9, side=200))
    monkeypatch.setattr("core.datasets.importing.uploads.MAX_IMAGE_BYTES", len(whole) + 1000)
    files = [
        ("text.png", b"no image"),
        ("cut.png", whole[: len(whole) // 2]),
        ("large.png", whole + bytes(2000)),
        ("good.png", whole),
    ]
    num_kept, rejected = keep_uploads(dataset, files)
    assert num_kept == 1
    assert [sentence.split()[0] for sentence in rejected] == ["text.png", "cut.png", "large.png"]


@pytest.mark.parametrize("label", ["a/b", ".hidden", "x" * 300, "a\nb", ".."])
def test_a_class_that_cannot_be_a_folder_is_refused(
    workspace: Workspace, tmp_path: Path, label: str
) -> None:
    dataset = bring_in(workspace, class_folders(tmp_path / "in", red=2, blue=2))
    with pytest.raises(WorkbenchError):
        keep_uploads(dataset, [("a.png", png(solid("red")))], label)
    assert len(open_dataset(workspace, "colors").roots) == 1


def test_a_full_disk_is_said_and_leaves_nothing_half_written(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = bring_in(workspace, class_folders(tmp_path / "in", red=2, blue=2))

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.files.os.fsync", full)
    with pytest.raises(WorkbenchError, match=r"a\.png could not be saved \(No space left"):
        keep_uploads(dataset, [("a.png", png(solid("red")))])
    assert list((dataset.folder / "added").iterdir()) == []


def test_an_uploaded_archive_is_kept_until_it_was_unpacked(workspace: Workspace) -> None:
    left = keep_for_job(workspace, "old.zip", BytesIO(b"left behind"), ".zip")
    os.utime(left, (0, 0))
    queued = keep_for_job(workspace, "queued.zip", BytesIO(b"a job waits for it"), ".zip")
    os.utime(queued, (0, 0))
    write_record(workspace, new_record(("unzip", str(queued)), "Bringing in", "import"))
    stream = BytesIO(b"content")
    stream.read()
    paths = [keep_for_job(workspace, "a/../pets.zip", stream, ".zip") for _ in range(2)]
    assert [path.name for path in paths] == ["a..pets.zip", "a..pets-2.zip"]
    assert [path.read_bytes() for path in paths] == [b"content", b"content"]
    assert (left.exists(), queued.exists()) == (False, True)
