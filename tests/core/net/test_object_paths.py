"""Paths in the cache name objects and stand for addresses."""

import os
from pathlib import Path

import pytest

from core.net.object_paths import (
    FOLDER_VARIABLE,
    address_of,
    cache_folder,
    file_of,
    folder_of,
    is_remote,
    name_of,
    object_of,
    shown,
)

SHA256 = "ab" * 32


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize(
    ("text", "path", "address"),
    [
        ("s3://bucket/a/b", "c d/ü%.png", "s3://bucket/a/b/c d/ü%.png"),
        ("s3://bucket", "x.png", "s3://bucket/x.png"),
        ("https://example.org/", "a/x#1.png", "https://example.org/a/x%231.png"),
        ("https://example.org/p/", "x.png", "https://example.org/p/x.png"),
        ("http://127.0.0.1:8000/p/list.txt", "a/x.png", "http://127.0.0.1:8000/p/a/x.png"),
        ("https://example.org/list.csv", "a.txt/x.png", "https://example.org/a.txt/x.png"),
    ],
)
def test_a_path_names_an_object_and_its_content(text: str, path: str, address: str) -> None:
    folder = folder_of(text)
    assert shown(folder) == text
    assert is_remote(folder)
    file = file_of(folder, path, SHA256)
    named = object_of(file)
    assert named is not None
    assert named.sha256 == SHA256
    assert named.address.shown(named.path) == address
    assert name_of(Path(file)) == path.rpartition("/")[2]
    assert not os.path.exists(file)


def test_folders_on_disk_are_as_they_are(tmp_path: Path, cache: Path) -> None:
    folder = folder_of(str(tmp_path))
    assert folder == tmp_path
    assert address_of(folder) is None
    assert file_of(folder, "a/x.png", SHA256) == str(tmp_path / "a/x.png")
    assert object_of(tmp_path / f"{SHA256}-x.png") is None
    assert name_of(tmp_path / f"{SHA256}-x.png") == f"{SHA256}-x.png"
    assert shown(tmp_path) == str(tmp_path)
    assert not is_remote(cache)
    assert not is_remote(f"{cache}-other/x")
    assert object_of(cache / "s3" / "bucket" / "x.png") is None
    assert address_of(cache / "other" / "bucket") is None


def test_the_cache_is_in_the_workspace_unless_it_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    monkeypatch.delenv(FOLDER_VARIABLE)
    assert cache_folder() == str(tmp_path / "data" / "objects")
