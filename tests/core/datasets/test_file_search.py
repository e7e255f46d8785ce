"""Which files of a folder are found, which links are followed, and what is listed as skipped."""

import os
from pathlib import Path

import pytest

from core.datasets.file_search import MAX_REPEATS, find_files
from core.datasets.layout import MAX_DEPTH
from core.datasets.links import ROOTS_VARIABLE, LinkPolicy, link_policy
from core.datasets.tally import Reason, Tally
from core.errors import WorkbenchError

SYSTEM = (
    *("@eaDir", "@Recycle", "#recycle", "#snapshot", "lost+found", "$RECYCLE.BIN", "RECYCLER"),
    *("System Volume Information", ".Trash-1000", ".Trashes", ".ipynb_checkpoints", "__MACOSX"),
    *(".@__thumb", "FOUND.000", "Network Trash Folder", "@SynoResource", "@GMT-2026.01.01"),
)


def touch(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def search(root: Path, links: LinkPolicy | None = None) -> tuple[set[str], dict[str, str]]:
    """Return the found paths, and the skipped ones with their reasons."""
    tally = Tally()
    folders = find_files(root, frozenset(), tally, links)
    paths = {"/".join((*each.parts, name)) for each in folders for name, _, _ in each.files}
    assert sum(tally.counts.values()) == len(tally.rejected)
    return paths, {file.path: file.problem for file in tally.rejected}


def test_folders_of_systems_are_skipped_and_each_of_their_files_is_listed(tmp_path: Path) -> None:
    touch(tmp_path, "cats/1.png", *(f"{name}/deep/{name}.png" for name in SYSTEM))
    touch(tmp_path, "cats/@eaDir/1.png/SYNOPHOTO_THUMB_M.jpg", "cats/Thumbs.db")
    found, skipped = search(tmp_path)
    assert found == {"cats/1.png"}
    assert set(skipped.values()) == {Reason.SYSTEM}
    assert set(skipped) == {
        *(f"{name}/deep/{name}.png" for name in SYSTEM),
        *("cats/@eaDir/1.png/SYNOPHOTO_THUMB_M.jpg", "cats/Thumbs.db"),
    }


def test_names_that_only_resemble_those_of_systems_are_classes(tmp_path: Path) -> None:
    names = ["@home", "#1", "$100", "recycle", "lost", "found", "System", "trash", "Recycled paper"]
    found, skipped = search(touch(tmp_path, *(f"{name}/1.png" for name in names)))
    assert (len(found), skipped) == (len(names), {})


def test_every_file_is_found_or_listed(tmp_path: Path) -> None:
    deep = "/".join(["deep"] * (MAX_DEPTH + 1))
    reasons = {
        "..foo/1.png": Reason.HIDDEN,
        ".../1.png": Reason.HIDDEN,
        "cats/.1.png": Reason.HIDDEN,
        f"{deep}/more/1.png": Reason.TOO_DEEP,
        "readme": Reason.OTHER,
        "cats/labels.csv": Reason.OTHER,
        "cats/1.CR2": Reason.UNSUPPORTED,
        "cats/1.psd": Reason.UNSUPPORTED,
    }
    touch(tmp_path, "cats/1.png", *reasons)
    os.mkfifo(tmp_path / "cats" / "pipe.png")
    os.mkfifo(tmp_path / "cats" / "pipe")
    found, skipped = search(tmp_path)
    special = dict.fromkeys(("cats/pipe.png", "cats/pipe"), Reason.SPECIAL)
    assert (found, skipped) == ({"cats/1.png"}, reasons | special)


def test_links_to_folders_and_files_are_followed(tmp_path: Path) -> None:
    touch(tmp_path / "real", "cats/1.png", "cats/2.png", "dogs/1.png", "blob")
    root = touch(tmp_path / "in", "birds/1.png")
    (root / "cats").symlink_to(Path("../real/cats"))
    (root / "dogs").mkdir()
    (root / "dogs" / "1.png").symlink_to(tmp_path / "real" / "dogs" / "1.png")
    (root / "dogs" / "2.png").symlink_to(tmp_path / "real" / "blob")  # As Hugging Face's cache
    (root / "chain").symlink_to(root / "cats")
    assert search(root) == (
        {"birds/1.png", "cats/1.png", "cats/2.png", "dogs/1.png", "dogs/2.png"}
        | {"chain/1.png", "chain/2.png"},
        {},
    )
    size, time = (tmp_path / "real" / "cats" / "1.png").stat()[6], 1
    [cats] = [each for each in find_files(root) if each.parts == ("cats",)]
    assert (cats.files[0][1], cats.files[0][2] > time) == (size, True)


def test_links_that_are_not_followed_are_listed(tmp_path: Path) -> None:
    root = touch(tmp_path / "in", "cats/1.png")
    links = {
        "self": (root / "self", Reason.LOOP),
        "cats/up": (root, Reason.LOOP),
        "cats/here": (root / "cats", Reason.LOOP),
        "above": (tmp_path, Reason.LOOP),
        "gone.png": (tmp_path / "gone.png", Reason.BROKEN),
        "zero.png": (Path("/dev/zero"), Reason.SPECIAL),
        "proc": (Path("/proc"), Reason.SPECIAL),
        "root": (Path("/"), Reason.SPECIAL),
        "text": (touch(tmp_path, "other/notes.txt") / "other/notes.txt", Reason.OTHER),
        "@eaDir": (tmp_path / "other", Reason.SYSTEM),
    }
    os.mkfifo(tmp_path / "pipe")
    links["pipe.png"] = (tmp_path / "pipe", Reason.SPECIAL)
    for name, (target, _) in links.items():
        (root / name).symlink_to(target)
    found, skipped = search(root)
    assert found == {"cats/1.png"}
    assert skipped == {name: reason for name, (_, reason) in links.items()}


def test_links_in_circles_end(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", "b/2.png")
    (tmp_path / "a" / "to_b").symlink_to(tmp_path / "b")
    (tmp_path / "b" / "to_a").symlink_to(tmp_path / "a")
    found, skipped = search(tmp_path)
    assert found == {"a/1.png", "a/to_b/2.png", "b/2.png", "b/to_a/1.png"}
    assert set(skipped.values()) == {Reason.LOOP}


def test_links_that_multiply_end(tmp_path: Path) -> None:
    """Each of eleven folders has four links to the next: 4 ** 10 paths to the last one."""
    for number in range(MAX_DEPTH - 1):
        (tmp_path / f"{number}").mkdir()
        for name in "abcd" if number else ():
            (tmp_path / f"{number - 1}" / name).symlink_to(tmp_path / f"{number}")
    touch(tmp_path, f"{MAX_DEPTH - 2}/1.png")
    found, skipped = search(tmp_path)
    assert len(found) <= 1 + 4 + MAX_REPEATS * 4 * MAX_DEPTH
    assert Reason.REPEATED in skipped.values()


def test_an_open_server_follows_links_into_allowed_folders_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "allowed/cats/1.png", "allowed-not/1.png", "secret/1.png")
    root = touch(tmp_path / "in", "dogs/1.png")
    for name in ("allowed", "allowed-not", "secret"):
        (root / name).symlink_to(tmp_path / name)
    (root / "file.png").symlink_to(tmp_path / "secret" / "1.png")
    (root / "own").symlink_to(root / "dogs")
    (root / "allowed" / "cats" / "out").symlink_to(tmp_path / "secret")  # Through an allowed one
    own = {"dogs/1.png", "own/1.png"}
    monkeypatch.setenv(ROOTS_VARIABLE, str(tmp_path / "allowed"))
    found, skipped = search(root)
    assert found == own | {"allowed/cats/1.png"}
    assert skipped == dict.fromkeys(
        ("allowed-not", "secret", "file.png", "allowed/cats/out"), Reason.OUTSIDE
    )
    monkeypatch.setenv(ROOTS_VARIABLE, "")
    assert search(root)[0] == own
    assert search(root, link_policy(is_on=False))[0] == {"dogs/1.png"}


def test_files_in_memory_are_files() -> None:
    policy = LinkPolicy()
    assert policy.problem("/dev/shm/cats", "/data") is None
    assert policy.problem("/dev/zero", "/data") == Reason.SPECIAL
    assert policy.problem("/dev/fuse/cats", "/dev/fuse") is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_folders_that_cannot_be_read_are_listed(tmp_path: Path) -> None:
    root = touch(tmp_path, "cats/1.png", "locked/1.png")
    (root / "locked").chmod(0)
    try:
        assert search(root)[1] == {"locked/": Reason.UNREADABLE}
    finally:
        (root / "locked").chmod(0o700)


def test_a_folder_of_other_formats_says_so(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.cr2", "a/2.cr2", "notes.txt")
    with pytest.raises(WorkbenchError, match="holds no images.*2 unsupported image format, 1 not"):
        find_files(tmp_path)
