"""Datasets whose images are on a web server, which lists them on pages or in a file."""

import fcntl
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.datasets.columns import ImageFilter, ImageStatus
from core.datasets.importing.listing import list_folder
from core.datasets.importing.preview import preview, thumbnails
from core.datasets.importing.rejected import read_rejected
from core.datasets.importing.scan import add_folder, rescan
from core.datasets.importing.sources import folder_source
from core.datasets.layout import AS_RECOGNIZED
from core.datasets.registry import Dataset
from core.datasets.splits import SplitConfig
from core.datasets.verification import check_images
from core.errors import MissingError, UnfetchedImageError, UnreachableStoreError, WorkbenchError
from core.net import object_store
from core.net.cache_eviction import (
    HELD,
    LOCK,
    SIZE_VARIABLE,
    STALE_SECONDS,
    max_bytes,
    note_added,
    sweep,
)
from core.net.object_cache import hold
from core.net.object_listing import TICK_NS, version_ns
from core.net.object_paths import folder_of
from core.net.remote_address import ROOTS_VARIABLE, parse_address
from core.progress import finish
from core.workspace import Workspace
from tests.factories.images import png, speckled
from tests.storage.conftest import WebServer, images


def imported(workspace: Workspace, address: str, name: str = "far") -> Dataset:
    source = folder_source(folder_of(address))
    return finish(add_folder(workspace, name, source, SplitConfig()))


@pytest.fixture
def far(workspace: Workspace, web: WebServer) -> Dataset:
    """A dataset of 9 images below a page of links."""
    web.put({f"p/{path}": content for path, content in images(9).items()})
    return imported(workspace, f"{web.url}/p/")


@pytest.mark.slow
def test_pages_of_links_are_imported_like_folders(
    workspace: Workspace, far: Dataset, web: WebServer
) -> None:
    rows = far.catalog.rows()
    assert [(row.path, row.label) for row in rows] == [
        (path, path.partition("/")[0]) for path in sorted(images(9))
    ]
    for row in rows:
        info = (web.folder / "p" / row.path).stat()
        assert row.size_bytes == info.st_size
        assert row.modified_ns // 10**9 == int(info.st_mtime)
    assert web.asked_for("GET") == [f"/p/{row.path}" for row in rows]
    assert far.roots[0].shown == f"{web.url}/p/"
    assert far.place_of(rows[0]) == f"{web.url}/p/{rows[0].path}"
    assert finish(check_images(far)) == 9
    assert web.asked_for("GET") == []  # From the cache
    assert far.catalog.problems() == []


@pytest.mark.slow
def test_a_rescan_asks_for_times_and_fetches_what_has_changed(
    workspace: Workspace, far: Dataset, web: WebServer
) -> None:
    paths = sorted(images(9))
    web.put({"p/red/new.png": png(speckled("red", 50)), f"p/{paths[0]}": png(speckled("red", 51))})
    later = datetime(2031, 1, 1, tzinfo=UTC).timestamp()
    os.utime(web.folder / "p" / paths[0], (later, later))
    (web.folder / "p" / paths[1]).unlink()
    web.asked.clear()
    found = finish(rescan(workspace, "far"))
    assert (found.num_new, found.num_changed, found.num_gone) == (1, 1, 1)
    heads = [line for line in web.asked if line.startswith("HEAD")]
    assert len(heads) == 9
    assert web.asked_for("GET") == sorted(["/p/red/new.png", f"/p/{paths[0]}"])
    gone = [row.path for row in far.catalog.rows(ImageFilter(status=ImageStatus.PROBLEM))]
    assert gone == [paths[1]]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["list.txt", "list.csv"])
def test_a_list_names_files_below_its_folder(
    workspace: Workspace, web: WebServer, name: str
) -> None:
    files = images(5) | {"red/a b ü.png": png(speckled("red", 30))}
    web.put({f"p/{path}": content for path, content in files.items()})
    web.put({"outside.png": png(speckled("red", 40))})
    lines = [
        *("# images", "", *sorted(images(5))[:3], f"{web.url}/p/blue/002.png"),
        *("red/a%20b%20%C3%BC.png", "./red/000.png", "red/missing.png"),
        *("../outside.png", "https://example.org/x.png", "red/001.png?sig=hidden"),
        "https://me:hidden@example.org/y.png",
    ]
    rows = [f"{line},7" if name.endswith("csv") and line else line for line in lines]
    web.put({f"p/{name}": "\n".join(rows).encode()})
    dataset = imported(workspace, f"{web.url}/p/{name}")
    expected = {*sorted(images(5))[:3], "blue/002.png", "red/a b ü.png", "red/000.png"}
    assert {row.path for row in dataset.catalog.rows()} == expected
    assert finish(check_images(dataset)) == len(expected)
    assert dataset.catalog.problems() == []
    skipped = read_rejected(dataset.folder)
    assert dict(skipped.counts) == {"address elsewhere": 4}
    assert "hidden" not in (dataset.folder / "skipped.json").read_text()
    assert finish(rescan(workspace, "far")).num_changed == 0


@pytest.mark.slow
def test_a_preview_lists_and_shows_some(web: WebServer) -> None:
    web.put({f"p/{path}": content for path, content in images(9).items()})
    web.put({"p/labels.csv": b"file_name,label\n" + b"".join(
        f"{path},{path[-5]}\n".encode() for path in images(9)
    )})  # fmt: skip
    listing = list_folder(folder_of(f"{web.url}/p/"), AS_RECOGNIZED)
    seen = preview(listing, AS_RECOGNIZED)
    assert seen.num_images == 9
    assert {*seen.classes} == {str(number) for number in range(9)}
    assert len([jpeg for made in thumbnails(listing, seen).values() for jpeg in made]) == 9


@pytest.mark.slow
def test_redirects_are_not_followed(workspace: Workspace, web: WebServer) -> None:
    files = images(3)
    web.put({f"p/{path}": content for path, content in files.items()})
    web.status[f"/p/{min(files)}"] = 302
    dataset = imported(workspace, f"{web.url}/p/")
    assert {row.path for row in dataset.catalog.rows()} == {*files} - {min(files)}
    web.status["/q/"] = 301
    with pytest.raises(MissingError, match="leads to another address"):
        imported(workspace, f"{web.url}/q/", "other")


@pytest.mark.slow
def test_what_a_server_answers_is_a_sentence(
    workspace: Workspace, far: Dataset, web: WebServer, cache: Path
) -> None:
    rows = far.catalog.rows()
    for file in [*cache.rglob("*.png")]:
        file.unlink()
    for row, status in zip(rows, (404, 403, 200), strict=False):
        web.status[f"/p/{row.path}"] = status
    web.put({f"p/{rows[2].path}": b"x" * rows[2].size_bytes})
    with hold([far.path_of(row) for row in rows[:4]]) as held:
        problems = [each.problem for each in held if isinstance(each, UnfetchedImageError)]
        assert isinstance(held[3], Path)
    start = f"{web.url}/p"
    assert problems == [
        f"{start}/{rows[0].path} does not exist.",
        f"{start}/{rows[1].path} may not be read: the server returned HTTP status 403.",
        f"{start}/{rows[2].path} has changed since the last scan.",
    ]
    web.status[f"/p/{rows[4].path}"] = 503
    with (
        pytest.raises(UnreachableStoreError, match="returned HTTP status 503. Try again"),
        hold([far.path_of(rows[4])]),
    ):
        pass


@pytest.mark.slow
def test_a_server_that_is_away_is_asked_once_in_a_while(
    workspace: Workspace, far: Dataset, web: WebServer, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.stop()
    with pytest.raises(WorkbenchError, match="cannot be reached. Check the network and the server"):
        finish(rescan(workspace, "far"))
    asked: list[object] = []
    monkeypatch.setattr(object_store, "_store", asked.append)
    with pytest.raises(WorkbenchError, match="cannot be reached"):
        finish(rescan(workspace, "far"))
    assert asked == []
    assert far.catalog.problems() == []


@pytest.mark.slow
def test_a_silent_server_is_a_sentence(
    workspace: Workspace, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    monkeypatch.setattr(object_store, "READ_SECONDS", 0.2)
    monkeypatch.setattr(object_store, "PAUSE_SECONDS", 0.0)
    object_store._web_store.cache_clear()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(WorkbenchError, match=f"127.0.0.1:{port} did not answer in time"):
            imported(workspace, f"http://127.0.0.1:{port}/p/")
    object_store._web_store.cache_clear()


def test_a_missing_package_is_a_sentence(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "s3fs", None)
    object_store._s3_store.cache_clear()
    with pytest.raises(WorkbenchError, match="s3fs is not installed. Install it: .venv/bin/pip"):
        imported(workspace, "s3://bucket/a")


def test_an_address_that_is_not_allowed_is_not_asked(
    workspace: Workspace, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ROOTS_VARIABLE, "https://example.org/")
    with pytest.raises(WorkbenchError, match="This server does not read images from"):
        imported(workspace, f"{web.url}/p/")
    assert web.asked == []


def test_the_version_of_an_object_depends_on_its_time_and_tag() -> None:
    first, second = version_ns(1_700_000_000.9, "a"), version_ns(1_700_000_000.1, "b")
    assert first != second
    assert first // 10**9 == second // 10**9 == 1_700_000_000
    assert first % TICK_NS == 0
    assert version_ns(1_700_000_000.9, "") == 1_700_000_000 * 10**9
    assert version_ns(0.0, "") == 0


@pytest.mark.parametrize(
    ("stated", "expected"),
    [("0.5", 500_000_000), ("x", 4 * 10**9), ("-1", 4 * 10**9), ("inf", 4 * 10**9)],
)
def test_the_bound_of_the_cache(
    monkeypatch: pytest.MonkeyPatch, stated: str, expected: int
) -> None:
    monkeypatch.setenv(SIZE_VARIABLE, stated)
    assert max_bytes() == expected


def test_what_was_not_used_for_the_longest_time_is_removed(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(10):
        file = cache / "s3" / "bucket" / str(number) / "x.png"
        file.parent.mkdir(parents=True)
        file.write_bytes(bytes(100))
        os.utime(file, (1000 - number, 0))  # The last one was used first
    held = cache / HELD / "1-a"
    held.mkdir(parents=True)
    (held / "x.png").write_bytes(bytes(10_000))
    monkeypatch.setenv(SIZE_VARIABLE, "0.0000005")  # 500 bytes
    sweep(cache)
    left = sorted(path.parent.name for path in cache.rglob("*/x.png") if "s3" in path.parts)
    assert left == ["0", "1", "2", "3"]
    assert not (cache / "s3" / "bucket" / "9").exists()
    assert held.exists()
    os.utime(held, (1000, 1000 + STALE_SECONDS))
    sweep(cache)
    assert not held.exists()


def test_a_file_that_is_added_while_another_process_sweeps_is_measured_after_it(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = cache / "s3" / "bucket" / "x.png"
    file.parent.mkdir(parents=True)
    file.write_bytes(bytes(1000))
    monkeypatch.setenv(SIZE_VARIABLE, "0.0000005")  # 500 bytes
    with (cache / LOCK).open("ab") as held, ThreadPoolExecutor(1) as other:
        fcntl.flock(held.fileno(), fcntl.LOCK_EX)
        adding = other.submit(note_added, cache, 1000)
        with pytest.raises(TimeoutError):
            adding.result(timeout=0.2)
        assert file.exists()
        fcntl.flock(held.fileno(), fcntl.LOCK_UN)
        adding.result(timeout=20)
    assert not file.exists()


def test_a_list_of_another_scheme_is_no_folder_of_it(web: WebServer) -> None:
    assert parse_address(f"{web.url}/p/list.txt").is_list
    assert not parse_address(f"{web.url}/p/").is_list
