"""Tars, archives inside archives, and links in archives, from people and from attackers."""

import bz2
import gzip
import io
import lzma
import stat
import struct
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from core.datasets.importing import archive_budget
from core.datasets.importing.archives import Unpacked, unpack
from core.datasets.importing.sources import add_archive
from core.datasets.splits import SplitConfig
from core.datasets.tally import Reason
from core.errors import WorkbenchError
from core.progress import finish
from core.workspace import Workspace
from tests.factories.images import png, solid, speckled

PICTURE = png(solid("red"))
PETS = {"pets/cats/1.png": PICTURE, "pets/dogs/1.png": PICTURE, "pets/notes.md": b"text"}


def tar_of(entries: dict[str, bytes], mode: str = "w", *members: tarfile.TarInfo) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in entries.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for member in members:
            archive.addfile(member, io.BytesIO(bytes(member.size)))
    return stream.getvalue()


def zip_of(entries: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return stream.getvalue()


def entry(name: str, kind: bytes, target: str = "", size: int = 0) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.size = kind, target, size
    return member


def unpacked(tmp_path: Path, content: bytes) -> tuple[set[str], Unpacked]:
    """Return the paths that come out of an archive, and the result."""
    archive = tmp_path / "pets.archive"
    archive.write_bytes(content)
    found = finish(unpack(archive, tmp_path / "images"))
    root = tmp_path / "images"
    return {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()}, found


def refuses(tmp_path: Path, content: bytes, match: str) -> None:
    archive = tmp_path / "pets.archive"
    archive.write_bytes(content)
    with pytest.raises(WorkbenchError, match=match):
        finish(unpack(archive, tmp_path / "out" / "images"))
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["pets.archive"]


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2"])
@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_tars_are_unpacked(
    tmp_path: Path, mode: str, form: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tarfile.TarFile, "format", form)
    long = f"{'x' * 90}/{'y' * 90}.png"
    names, found = unpacked(tmp_path, tar_of(PETS | {f"./{long}": PICTURE}, mode))
    assert names == {"pets/cats/1.png", "pets/dogs/1.png", long}
    assert found.skipped.counts == {Reason.OTHER: 1}
    assert (tmp_path / "images" / long).read_bytes() == PICTURE


def test_the_publishers_archive_of_caltech_101_is_imported(
    workspace: Workspace, tmp_path: Path
) -> None:
    classes = ("ant", "bass", "BACKGROUND_Google")
    pictures = {
        f"101_ObjectCategories/{name}/image_{n:04}.jpg": png(speckled("red", 10 * i + n))
        for i, name in enumerate(classes)
        for n in range(3)
    }
    entries = {
        "caltech-101/101_ObjectCategories.tar.gz": tar_of(pictures, "w:gz"),
        "caltech-101/Annotations.tar": tar_of({"Annotations/ant/1.mat": b"outlines"}),
        "__MACOSX/caltech-101/._101_ObjectCategories.tar.gz": b"macOS",
        "caltech-101/show_annotation.m": b"code",
    }
    path = tmp_path / "caltech-101.zip"
    path.write_bytes(zip_of(entries))
    dataset, _ = finish(add_archive(workspace, "caltech", path, SplitConfig()))
    assert dataset.catalog.labels() == ["ant", "bass"]
    assert (dataset.catalog.count(), dataset.left_out) == (6, ("BACKGROUND_Google",))


@pytest.mark.parametrize(
    "content",
    [
        zip_of({"pets.zip": zip_of(PETS)}),
        zip_of({"down/pets.tar": tar_of(PETS)}),
        tar_of({"pets.tgz": tar_of(PETS, "w:gz")}, "w:gz"),
        zip_of({"a/b/c/d/a.zip": zip_of({"e/f/pets.tar.bz2": tar_of(PETS, "w:bz2")})}),
        zip_of({"empty.zip": zip_of({}), "pets.zip": zip_of(PETS), "readme.md": b"x"}),
        zip_of({"broken.tar": bytes(1024), "pets.zip": zip_of(PETS), "cut.zip": b"PK\x03\x04"}),
    ],
)
def test_archives_inside_an_archive_are_unpacked(tmp_path: Path, content: bytes) -> None:
    names, _ = unpacked(tmp_path, content)
    assert {name[name.index("pets/cats") :] for name in names if "cats" in name} == {
        "pets/cats/1.png"
    }
    assert len(names) == 2


def test_archives_for_each_split_become_splits(workspace: Workspace, tmp_path: Path) -> None:
    pictures = {split: png(speckled("red", i)) for i, split in enumerate(("train", "test1"))}
    inner = {
        f"{split}.zip": zip_of({f"{split}/cats/1.png": picture, f"{split}/dogs/1.png": picture})
        for split, picture in pictures.items()
    }
    path = tmp_path / "dogs-vs-cats.zip"
    path.write_bytes(zip_of(inner))
    dataset, _ = finish(add_archive(workspace, "pets", path, SplitConfig()))
    assert dataset.catalog.class_counts() == [
        (label, split, 1) for label in ("cats", "dogs") for split in ("test", "train")
    ]


def test_archives_beside_images_or_too_deep_are_listed(tmp_path: Path) -> None:
    inner = zip_of({"c.zip": zip_of({"d.zip": zip_of(PETS)})})
    content = zip_of({"b.zip": inner})
    refuses(tmp_path, content, "holds no images.*1 archive inside an archive")
    names, found = unpacked(tmp_path, zip_of({"1.png": PICTURE, "pets.zip": zip_of(PETS)}))
    assert names == {"1.png"}
    assert [(file.path, file.problem) for file in found.skipped.rejected] == [
        ("pets.zip", Reason.INNER)
    ]


def test_links_within_an_archive_become_copies(tmp_path: Path) -> None:
    links = (
        entry("test/cats", tarfile.SYMTYPE, "../train/cats"),
        entry("best.png", tarfile.SYMTYPE, "train/cats/1.png"),
        entry("hard.png", tarfile.LNKTYPE, "train/cats/1.png"),
        entry("out.png", tarfile.SYMTYPE, "../../etc/passwd"),
        entry("absolute.png", tarfile.SYMTYPE, "/etc/passwd"),
        entry("gone.png", tarfile.SYMTYPE, "nowhere.png"),
        entry("train/loop", tarfile.SYMTYPE, "."),
        entry("all", tarfile.SYMTYPE, "."),
        entry("null.png", tarfile.CHRTYPE),
        entry("pipe.png", tarfile.FIFOTYPE),
    )
    names, found = unpacked(tmp_path, tar_of({"train/cats/1.png": PICTURE}, "w", *links))
    assert names == {"train/cats/1.png", "test/cats/1.png", "best.png", "hard.png"}
    assert {file.path: file.problem for file in found.skipped.rejected} == {
        "out.png": Reason.OUTSIDE,
        "absolute.png": Reason.OUTSIDE,
        "gone.png": Reason.BROKEN,
        "train/loop": Reason.LOOP,
        "all": Reason.LOOP,
        "null.png": Reason.SPECIAL,
        "pipe.png": Reason.SPECIAL,
    }
    assert not any(path.is_symlink() for path in (tmp_path / "images").rglob("*"))


def test_links_in_a_zip_are_the_same(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("train/cats/1.png", PICTURE)
        for name, target in {"test": "train", "b.png": "/etc/passwd", "c.png": "x" * 9000}.items():
            link = zipfile.ZipInfo(name)
            link.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(link, target)
        device = zipfile.ZipInfo("device.png")
        device.external_attr = (stat.S_IFCHR | 0o666) << 16
        archive.writestr(device, b"")
    names, found = unpacked(tmp_path, stream.getvalue())
    assert names == {"train/cats/1.png", "test/cats/1.png"}
    assert {file.path: file.problem for file in found.skipped.rejected} == {
        "b.png": Reason.OUTSIDE,
        "c.png": Reason.OUTSIDE,
        "device.png": Reason.SPECIAL,
    }


def test_a_zip_of_links_to_elsewhere_says_so(tmp_path: Path) -> None:
    """As `zip --symlinks` packs the links of an export."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number in range(3):
            link = zipfile.ZipInfo(f"train/cats/{number}.png")
            link.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(link, f"/home/me/{number}.png")
    refuses(tmp_path, stream.getvalue(), "holds no images.*Skipped: 3 link out of the allowed")


@pytest.mark.slow
def test_links_that_multiply_meet_the_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_budget, "MAX_ENTRIES", 500)
    links = [entry(f"{n}", tarfile.SYMTYPE, "train") for n in range(100)]
    content = tar_of({f"train/{n}.png": PICTURE for n in range(10)}, "w:gz", *links)
    refuses(tmp_path, content, "more than 500 entries")


@pytest.mark.parametrize("name", ["../evil.png", "/tmp/evil.png", "a/../../evil.png", "C:/x.png"])
def test_a_tar_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    refuses(tmp_path, tar_of({"good.png": PICTURE, name: PICTURE}), "outside its folder")
    inner = zip_of({"in.tar": tar_of({name: PICTURE})})
    refuses(tmp_path, inner, "outside its folder")


@pytest.mark.slow
def test_bombs_end_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_budget, "MAX_ARCHIVE_BYTES", 1_000_000)
    huge = entry("zeros.bin", tarfile.REGTYPE, size=60_000_000)
    started = time.monotonic()
    for mode in ("w:gz", "w:bz2"):
        content = tar_of({"good.png": PICTURE}, mode, huge)
        refuses(tmp_path, content, "would grow to")
        refuses(tmp_path, zip_of({"in.tar.gz": content}), "would grow to")
    trailing = gzip.compress(tar_of({"good.png": PICTURE}) + bytes(60_000_000))
    refuses(tmp_path, trailing, "would grow to")
    assert time.monotonic() - started < 10


def test_a_tar_that_claims_more_than_it_has_is_refused(tmp_path: Path) -> None:
    content = bytearray(tar_of({"good.png": PICTURE, "bad.png": PICTURE}))
    place = content.index(b"bad.png") + 124
    for size in (b"77777777777\0", b"\x80" + bytes(7) + b"\xff\xff\xff\xff", b"\xff" * 12):
        content[place : place + 12] = size
        header = content[place - 124 : place - 124 + 512]
        header[148:156] = b" " * 8
        content[place + 24 : place + 32] = b"%06o\0 " % sum(header)
        refuses(tmp_path, bytes(content), "would grow|is damaged or was cut off")


def test_a_name_that_fills_the_memory_is_refused(tmp_path: Path) -> None:
    for kind in (tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE):
        content = tar_of({"good.png": PICTURE}, "w:gz", entry("long", kind, size=4_000_000))
        refuses(tmp_path, content, "is damaged")


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.95])
def test_a_cut_or_damaged_tar_is_refused(tmp_path: Path, cut: float) -> None:
    pictures = {f"cats/{n}.png": png(speckled("red", n)) for n in range(20)}
    for mode in ("w:gz", "w:bz2"):
        content = tar_of(pictures, mode)
        refuses(tmp_path, content[: int(len(content) * cut)], "is damaged or")
        flipped = bytearray(content)
        flipped[int(len(content) * cut)] ^= 0x55
        refuses(tmp_path, bytes(flipped), "is damaged or")
    plain = tar_of(pictures)
    refuses(tmp_path, plain[: plain.index(b"cats/9.png") + 700], "is damaged or")
    broken = bytearray(plain)
    broken[broken.index(b"cats/9.png")] ^= 1  # Its header's checksum is wrong now
    refuses(tmp_path, bytes(broken), "is damaged or")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (gzip.compress(PICTURE), "is damaged or is not a compressed tar archive"),
        (bz2.compress(PICTURE), "is damaged or is not a compressed tar archive"),
        (lzma.compress(tar_of(PETS)), "is an xz archive, which is not supported"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(600), "is a 7z archive"),
        (b"Rar!\x1a\x07\x01\x00" + bytes(600), "is a RAR archive"),
        (bytes(1024), "is not a zip or tar archive"),
        (tar_of({}), "is not a zip or tar archive"),
        (tar_of({"a.txt": b"x"}), "holds no images"),
    ],
)
def test_what_is_no_archive_of_images_is_said(tmp_path: Path, content: bytes, match: str) -> None:
    refuses(tmp_path, content, match)


def test_entries_that_overlap_are_refused(tmp_path: Path) -> None:
    """Two entries of the directory that point to the same bytes."""
    content = bytearray(zip_of({"aa.png": PICTURE, "bb.png": PICTURE}))
    second = content.rindex(b"PK\x01\x02")
    content[second + 42 : second + 46] = struct.pack("<L", 0)
    refuses(tmp_path, bytes(content), "its entries overlap")
