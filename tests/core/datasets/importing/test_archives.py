import io
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.datasets.importing import archive_budget
from core.datasets.importing.archives import unpack
from core.datasets.importing.rejected import read_rejected
from core.datasets.importing.sources import add_archive
from core.datasets.importing.zip_members import LOCKED
from core.datasets.layout import Labels, Reading
from core.datasets.splits import SplitConfig
from core.datasets.tally import Reason
from core.errors import MissingError, WorkbenchError
from core.progress import finish
from core.workspace import Workspace
from tests.factories.images import png, solid, speckled

PICTURE = png(solid("red"))


def packed(entries: dict[str, bytes]) -> io.BytesIO:
    """Return an archive of these entries."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return stream


def on_disk(tmp_path: Path, archive: bytes | dict[str, bytes]) -> Path:
    path = tmp_path / "pets.zip"
    path.write_bytes(archive if isinstance(archive, bytes) else packed(archive).getvalue())
    return path


def files_under(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def refuses(tmp_path: Path, stream: io.BytesIO, match: str) -> None:
    """Check that an archive is refused with one sentence and leaves nothing."""
    target = tmp_path / "out" / "images"
    with pytest.raises(WorkbenchError, match=match):
        finish(unpack(on_disk(tmp_path, stream.getvalue()), target))
    assert files_under(tmp_path) == ["pets.zip"]


def test_images_come_out_and_what_systems_leave_behind_does_not(tmp_path: Path) -> None:
    archive = on_disk(
        tmp_path,
        {
            "pets/cats/a.png": PICTURE,
            "pets/dogs/deep/b.PNG": PICTURE,
            "pets/readme.md": b"no image",
            "pets/cats/Thumbs.db": b"clutter",
            "pets/.DS_Store": b"clutter",
            "__MACOSX/pets/cats/._a.png": b"clutter",
        },
    )
    unpacked = finish(unpack(archive, tmp_path / "images"))
    assert files_under(tmp_path / "images") == ["pets/cats/a.png", "pets/dogs/deep/b.PNG"]
    assert (unpacked.num_images, unpacked.rejected) == (2, ())
    assert unpacked.skipped.counts == {Reason.OTHER: 1, Reason.SYSTEM: 2, Reason.HIDDEN: 1}


@pytest.mark.parametrize(
    "name",
    ["../evil.png", "cats/../../evil.png", "/tmp/evil.png", "C:/evil.png", "..\\evil.png"],
)
def test_an_entry_that_leads_out_refuses_the_whole_archive(tmp_path: Path, name: str) -> None:
    refuses(tmp_path, packed({"good.png": PICTURE, name: PICTURE}), "outside its folder")


def test_a_bomb_is_refused_by_its_ratio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_budget, "MAX_ARCHIVE_BYTES", 1_000_000)
    refuses(tmp_path, packed({"zeros.png": bytes(5_000_000)}), r"would grow to [\d,]+ times")


def test_too_many_entries_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_budget, "MAX_ENTRIES", 3)
    entries = {f"{number}.png": PICTURE for number in range(4)}
    refuses(tmp_path, packed(entries), "more than 3 entries")


def test_too_many_bytes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_budget, "MAX_UNPACKED_BYTES", 1 << 20)
    entries = {"a.png": bytes(600_000), "b.png": bytes(600_000)}
    refuses(tmp_path, packed(entries), "of images; at most")
    monkeypatch.setattr(archive_budget, "MAX_ARCHIVE_BYTES", 100)
    refuses(tmp_path, packed(entries), "at most 0.0 GiB are taken")


def test_a_size_that_lies_is_read_no_further(tmp_path: Path) -> None:
    """A directory that names 100 bytes for what unpacks to five million."""
    stream = packed({"good.png": PICTURE, "zeros.png": bytes(5_000_000)})
    content = stream.getvalue().replace(struct.pack("<L", 5_000_000), struct.pack("<L", 100))
    unpacked = finish(unpack(on_disk(tmp_path, content), tmp_path / "images"))
    assert files_under(tmp_path / "images") == ["good.png"]
    assert [rejected.path for rejected in unpacked.rejected] == ["zeros.png"]


def test_damaged_twice_named_and_too_deep_images_are_refused_one_by_one(tmp_path: Path) -> None:
    stream = packed({"good.png": PICTURE})
    with zipfile.ZipFile(stream, "a") as archive:
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("good.png", PICTURE)
        archive.writestr("damaged.png", b"0123456789", zipfile.ZIP_STORED)
        archive.writestr("/".join(["deep"] * 20) + "/a.png", PICTURE)
        archive.writestr("x" * 300 + ".png", PICTURE)
        archive.writestr("rare.png", PICTURE, zipfile.ZIP_BZIP2)
    content = stream.getvalue().replace(b"0123456789", b"0123456780", 1)
    unpacked = finish(unpack(on_disk(tmp_path, content), tmp_path / "images"))
    assert files_under(tmp_path / "images") == ["good.png"]
    reasons = {rejected.path[:8]: rejected.problem for rejected in unpacked.rejected}
    assert {path: reason.split(";")[0] for path, reason in reasons.items()} == {
        "good.png": "It is in the archive more than once.",
        "damaged.": "It is damaged in the archive",
        "deep/dee": "It is nested more than 12 folders deep.",
        "xxxxxxxx": "Its name cannot be used on this disk (File name too long)",
        "rare.png": "Its compression method is not supported",
    }


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"no zip at all", "is not a zip or tar archive"),
        (b"", "is not a zip or tar archive"),
        (packed({"a.png": PICTURE}).getvalue()[:-30], "is damaged or was cut off"),
        (packed({"readme.md": b"x"}).getvalue(), "holds no images"),
        (packed({}).getvalue(), "holds no images"),
    ],
)
def test_what_is_no_archive_of_images_is_said(tmp_path: Path, content: bytes, match: str) -> None:
    refuses(tmp_path, io.BytesIO(content), match)


def test_a_locked_archive_is_said(tmp_path: Path) -> None:
    content = bytearray(packed({"a.png": PICTURE}).getvalue())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + flags] |= LOCKED
    refuses(tmp_path, io.BytesIO(bytes(content)), "encrypted with a password")


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, parents: bool, exist_ok: bool) -> None:
        raise OSError(28, "No space left on device")

    archive = on_disk(tmp_path, {"cats/a.png": PICTURE})
    out = tmp_path / "out"
    out.mkdir()
    work = unpack(archive, out / "images")
    next(work)
    next(work)
    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(WorkbenchError, match=r"pets\.zip could not be unpacked: the disk is full"):
        finish(work)
    monkeypatch.undo()
    assert list(out.iterdir()) == []


def test_given_up_half_way_leaves_nothing(tmp_path: Path) -> None:
    archive = on_disk(tmp_path, {f"{n}.png": PICTURE for n in range(5)})
    work = unpack(archive, tmp_path / "images")
    steps: Iterator[object] = (next(work) for _ in range(4))
    assert len(list(steps)) == 4
    work.close()
    assert list(tmp_path.iterdir()) == [archive]


def test_a_missing_archive_is_said(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"no file gone\.zip"):
        finish(unpack(tmp_path / "gone.zip", tmp_path / "images"))


def test_an_archive_becomes_a_dataset_with_its_splits_and_odd_names(
    workspace: Workspace, tmp_path: Path
) -> None:
    odd = "**b** <i>🦊\n"
    entries = {
        "pets/train/cats/1.png": png(speckled("red", 1)),
        "pets/train/" + odd + "/1.png": png(speckled("blue", 2)),
        "pets/test/cats/2.png": png(speckled("red", 3)),
        "pets/test/cats/broken.png": b"no image",
        "pets/test/" + "x" * 300 + ".png": PICTURE,
    }
    path = on_disk(tmp_path, entries)
    dataset, unpacked = finish(add_archive(workspace, "pets", path, SplitConfig()))
    rows = {row.path: row for row in dataset.catalog.rows()}
    assert dataset.source == "zip"
    assert rows["pets/test/cats/2.png"].split == "test"
    assert rows[f"pets/train/{odd}/1.png"].label == odd
    assert [row.path for row in dataset.catalog.problems()] == ["pets/test/cats/broken.png"]
    assert all(dataset.path_of(row).is_file() for row in rows.values())
    assert [rejected.path[-8:] for rejected in unpacked.rejected] == ["xxxx.png"]
    assert read_rejected(dataset.folder).files == list(unpacked.rejected)


def test_labels_may_come_from_another_folder_or_none(workspace: Workspace, tmp_path: Path) -> None:
    path = on_disk(tmp_path, {"a/x/1.png": PICTURE, "b/x/2.png": PICTURE})
    for labels, expected in ((Labels.TOP, ["a", "b"]), (Labels.LEAF, ["x"]), (Labels.NONE, [])):
        reading = Reading(labels=labels)
        work = add_archive(workspace, str(labels), path, SplitConfig(), reading)
        assert finish(work)[0].catalog.labels() == expected


def test_an_archive_without_usable_images_leaves_no_dataset(
    workspace: Workspace, tmp_path: Path
) -> None:
    with pytest.raises(WorkbenchError, match="holds no images"):
        finish(add_archive(workspace, "pets", on_disk(tmp_path, {"a.txt": b"x"}), SplitConfig()))
    assert list(workspace.datasets.iterdir()) == []
