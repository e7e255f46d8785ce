"""Caltech-101 is found where people have it, and unpacked without trusting its archive."""

import gzip
import hashlib
import io
import random
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from core.datasets.importing import caltech
from core.datasets.importing.caltech import CATEGORIES, fetch, find_root
from core.errors import DownloadError, MissingError
from core.progress import Progress, finish
from core.workspace import Workspace
from tests.support.local_server import LocalServer, serve

IMAGES = {
    f"{CATEGORIES}/accordion/image_0001.jpg": b"first",
    f"{CATEGORIES}/accordion/image_0002.jpg": b"second",
    f"{CATEGORIES}/BACKGROUND_Google/image_0001.jpg": b"third",
}


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with serve() as server:
        yield server


@pytest.fixture
def target(workspace: Workspace) -> Path:
    return workspace.downloads / "caltech101"


def entry(
    name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.type, member.linkname = size, kind, link
    return member


def images_archive(*more: tarfile.TarInfo, files: dict[str, bytes] = IMAGES) -> bytes:
    """A tar.gz as the publisher's, and `more` entries of zeros at its end."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        tar.addfile(entry(CATEGORIES, kind=tarfile.DIRTYPE))
        for name, content in files.items():
            tar.addfile(entry(name, len(content)), io.BytesIO(content))
        for member in more:
            tar.addfile(member, io.BytesIO(bytes(member.size)))
    return packed.getvalue()


def outer_archive(inner: bytes, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip as the publisher's: with the annotations, and with what macOS adds."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as archive:
        archive.writestr("caltech-101/", b"")
        archive.writestr("__MACOSX/caltech-101/._101_ObjectCategories.tar.gz", b"macOS")
        archive.writestr("caltech-101/101_ObjectCategories.tar.gz", inner)
        archive.writestr("caltech-101/Annotations.tar", b"outlines")
    return packed.getvalue()


def serve_archive(server: LocalServer, archive: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    server.files["/c101.zip"] = archive
    monkeypatch.setenv("WORKBENCH_CALTECH_URL", f"{server.url}/c101.zip")
    monkeypatch.setenv("WORKBENCH_CALTECH_MD5", hashlib.md5(archive).hexdigest())


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def problem_of(workspace: Workspace, target: Path) -> str:
    with pytest.raises(DownloadError) as caught:
        finish(fetch(workspace, target))
    assert not target.exists()
    assert not list(target.parent.glob(".draft-*"))
    return caught.value.problem


@pytest.mark.parametrize(
    "place",
    ["101_ObjectCategories", "caltech101/101_ObjectCategories", "caltech-101/101_ObjectCategories"],
)
def test_the_categories_are_found_from_each_level(tmp_path: Path, place: str) -> None:
    root = tmp_path / place
    (root / "accordion").mkdir(parents=True)
    assert find_root(root) == root
    assert find_root(root.parent) == root
    assert find_root(tmp_path) == root


def test_a_link_to_the_categories_is_found(tmp_path: Path) -> None:
    (tmp_path / CATEGORIES / "accordion").mkdir(parents=True)
    (tmp_path / "c101").symlink_to(tmp_path / CATEGORIES)
    assert find_root(tmp_path / "c101") == tmp_path / "c101"


@pytest.mark.parametrize("name", ["", "cats", "nowhere", "x" * 300, "nul\0"])
def test_a_folder_without_caltech_101_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "cats" / "siamese").mkdir(parents=True)
    with pytest.raises(MissingError) as caught:
        find_root(tmp_path / name)
    assert caught.value.problem == f"There is no Caltech-101 in {tmp_path / name}."


def test_an_empty_folder_of_that_name_is_not_taken_for_it(tmp_path: Path) -> None:
    (tmp_path / CATEGORIES).mkdir()
    with pytest.raises(MissingError):
        find_root(tmp_path / CATEGORIES)


def test_the_real_dataset_is_found(caltech_root: Path) -> None:
    root = find_root(caltech_root)
    assert root.name == CATEGORIES
    assert sum(path.is_dir() for path in root.iterdir()) == 102


def test_address_and_checksum_are_torchvisions() -> None:
    package = find_spec("torchvision")
    assert package is not None
    source = (Path(str(package.origin)).parent / "datasets" / "caltech.py").read_text()
    assert f'"{caltech.URL}"' in source
    assert f'md5="{caltech.MD5}"' in source


def test_the_archive_is_fetched_unpacked_and_removed(
    server: LocalServer, workspace: Workspace, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_archive(server, outer_archive(images_archive()), monkeypatch)
    steps = list(fetch(workspace, target))
    assert files_in(target) == IMAGES
    assert [path.name for path in workspace.downloads.iterdir()] == ["caltech101"]
    notes = [step.note for step in steps if isinstance(step, Progress)]
    assert "downloading caltech-101.zip" in notes
    assert notes[-1] == "unpacking Caltech-101"
    assert isinstance(steps[-1], Progress)
    assert steps[-1].fraction == 1
    assert find_root(target) == target / CATEGORIES


def test_what_is_unpacked_already_is_not_fetched(
    server: LocalServer, workspace: Workspace, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_archive(server, outer_archive(images_archive()), monkeypatch)
    for _ in range(2):
        assert finish(fetch(workspace, target)) == target
    assert server.asked == ["/c101.zip"]


def test_another_archive_than_the_publishers_is_refused(
    server: LocalServer, workspace: Workspace, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_archive(server, outer_archive(images_archive()), monkeypatch)
    monkeypatch.delenv("WORKBENCH_CALTECH_MD5")
    assert "its checksum is not the published one" in problem_of(workspace, target)


def test_stopping_while_it_is_unpacked_leaves_only_the_archive(
    server: LocalServer, workspace: Workspace, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_archive(server, outer_archive(images_archive()), monkeypatch)
    work = fetch(workspace, target)
    while (step := next(work)) and isinstance(step, Progress) and "unpack" not in step.note:
        pass
    work.close()
    assert [path.name for path in workspace.downloads.iterdir()] == ["caltech-101.zip"]
    finish(fetch(workspace, target))
    assert files_in(target) == IMAGES
    assert server.asked == ["/c101.zip"]


def test_only_images_in_category_folders_are_unpacked(
    server: LocalServer, workspace: Workspace, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = images_archive(
        entry("README.txt", 5),
        entry(f"{CATEGORIES}/loose.jpg", 5),
        entry(f"{CATEGORIES}/accordion/._image_0001.jpg", 5),
        entry(f"{CATEGORIES}/accordion/deeper/image_0001.jpg", 5),
        entry("Annotations/accordion/annotation_0001.mat", 5),
        entry(f"{CATEGORIES}/accordion/link.jpg", kind=tarfile.SYMTYPE, link="/etc/passwd"),
        entry(f"{CATEGORIES}/accordion/hard.jpg", kind=tarfile.LNKTYPE, link="/etc/passwd"),
        entry(f"{CATEGORIES}/accordion/pipe.jpg", kind=tarfile.FIFOTYPE),
        entry(f"{CATEGORIES}/linked", kind=tarfile.SYMTYPE, link="/tmp"),
    )
    serve_archive(server, outer_archive(archive), monkeypatch)
    finish(fetch(workspace, target))
    assert files_in(target) == IMAGES
    assert not any(path.is_symlink() or path.is_fifo() for path in target.rglob("*"))


@pytest.mark.parametrize(
    "name", ["/escaped/image.jpg", "../escaped.jpg", f"{CATEGORIES}/../../escaped.jpg"]
)
def test_an_archive_that_would_write_elsewhere_is_refused(
    server: LocalServer,
    workspace: Workspace,
    target: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    serve_archive(server, outer_archive(images_archive(entry(name, 5))), monkeypatch)
    assert problem_of(workspace, target) == (
        "The archive of Caltech-101 cannot be used: it would write outside its folder."
    )
    assert not list(workspace.home.rglob("escaped*"))


@pytest.mark.slow
def test_an_archive_of_far_too_much_is_refused(
    server: LocalServer, workspace: Workspace, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    huge = entry(f"{CATEGORIES}/accordion/huge.jpg", 65 << 20)
    serve_archive(server, outer_archive(images_archive(huge)), monkeypatch)
    assert problem_of(workspace, target) == (
        "The archive of Caltech-101 cannot be used: it holds far more than Caltech-101."
    )


def broken_archives() -> dict[str, tuple[bytes, str]]:
    draws = random.Random(0)
    files = {f"{CATEGORIES}/a/{number}.jpg": draws.randbytes(999) for number in range(99)}
    inner = images_archive(files=files)
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("holiday.jpg", b"beach")
    flipped = bytearray(outer_archive(inner))
    flipped[len(flipped) // 2] ^= 255
    # Nothing compressed, so that the byte is one of a file's header: tarfile stops there in silence
    headers = bytearray(outer_archive(gzip.compress(gzip.decompress(inner), 0), zipfile.ZIP_STORED))
    headers[headers.index(b"/a/50.jpg")] ^= 255
    return {
        "no zip": (b"<html>Please log in</html>", "it is damaged"),
        "cut tar": (outer_archive(inner[: len(inner) // 2]), "it is damaged"),
        "no tar": (outer_archive(b"nothing packed"), "it is damaged"),
        "flipped byte": (bytes(flipped), "it is damaged"),
        "flipped header": (bytes(headers), "it is damaged"),
        "other zip": (other.getvalue(), "there is no 101_ObjectCategories.tar.gz in it"),
        "no images": (outer_archive(images_archive(files={})), "there are no images in it"),
    }


@pytest.mark.parametrize("case", broken_archives())
def test_an_archive_that_cannot_be_unpacked_is_said(
    server: LocalServer,
    workspace: Workspace,
    target: Path,
    monkeypatch: pytest.MonkeyPatch,
    case: str,
) -> None:
    archive, reason = broken_archives()[case]
    serve_archive(server, archive, monkeypatch)
    assert problem_of(workspace, target) == (
        f"The archive of Caltech-101 cannot be used: {reason}."
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other words for it")
def test_a_target_that_is_taken_is_said_and_left_alone(
    server: LocalServer, workspace: Workspace, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_archive(server, outer_archive(images_archive()), monkeypatch)
    target.mkdir(parents=True)
    (target / "mine.txt").write_bytes(b"mine")
    with pytest.raises(DownloadError, match=r"could not be unpacked into .*: Directory not empty"):
        finish(fetch(workspace, target))
    assert files_in(target) == {"mine.txt": b"mine"}
