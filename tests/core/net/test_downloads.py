"""A file arrives whole and checked, or the reader is told what happened to it."""

import hashlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import DownloadError
from core.net.downloads import download
from core.progress import Progress, finish
from tests.support.local_server import LocalServer, refused_url, serve

CONTENT = bytes(range(256)) * 12_000  # 3,072,000 bytes
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with serve(**{"file.bin": CONTENT}) as server:
        yield server


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "file.bin"


def problem_of(url: str, target: Path, *, md5: str | None = MD5) -> DownloadError:
    with pytest.raises(DownloadError) as caught:
        finish(download(url, target, md5=md5))
    return caught.value


def cut_off(server: LocalServer, target: Path, after: int = 1_000_000) -> DownloadError:
    server.cut_after = after
    error = problem_of(f"{server.url}/file.bin", target)
    server.cut_after = 0
    return error


def names_beside(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())


def test_a_file_is_downloaded_and_its_folder_created(server: LocalServer, target: Path) -> None:
    assert finish(download(f"{server.url}/file.bin", target, md5=MD5.upper())) == target
    assert target.read_bytes() == CONTENT
    assert names_beside(target) == ["file.bin"]


def test_progress_counts_bytes_and_names_the_file(server: LocalServer, target: Path) -> None:
    steps = list(download(f"{server.url}/file.bin", target, sha256_prefix=SHA256[:8]))
    arriving = [
        step for step in steps if isinstance(step, Progress) and step.note == "downloading file.bin"
    ]
    counts = [step.done for step in arriving]
    assert arriving[-1] == Progress(3_072_000, 3_072_000, "downloading file.bin")
    assert counts == sorted(counts)
    assert len(counts) >= 4  # At least each megabyte


@pytest.mark.slow
def test_progress_is_reported_while_the_server_is_silent(server: LocalServer, target: Path) -> None:
    server.seconds_a_piece = 0.7
    work = download(f"{server.url}/file.bin", target)
    gaps = []
    for _ in range(8):
        began = time.monotonic()
        next(work)
        gaps.append(time.monotonic() - began)
    work.close()
    assert max(gaps) < 0.5


def test_an_existing_file_with_the_right_hash_is_not_downloaded(
    server: LocalServer, target: Path
) -> None:
    target.parent.mkdir()
    target.write_bytes(CONTENT)
    finish(download(f"{server.url}/file.bin", target, sha256_prefix=SHA256[:8], md5=MD5))
    assert server.asked == []


def test_an_existing_file_with_a_wrong_hash_is_replaced(server: LocalServer, target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(b"something else")
    finish(download(f"{server.url}/file.bin", target, sha256_prefix=SHA256[:8]))
    assert target.read_bytes() == CONTENT


def test_an_interrupted_download_reports_its_size_and_is_resumed(
    server: LocalServer, target: Path
) -> None:
    error = cut_off(server, target)
    assert error.problem == "The download of file.bin was cut off after 1.0 MB of 3.1 MB."
    assert error.advice == "Try again; the download resumes."
    assert not target.exists()
    finish(download(f"{server.url}/file.bin", target, md5=MD5))
    assert target.read_bytes() == CONTENT
    assert server.asked == ["/file.bin", "/file.bin bytes=1000000-"]
    assert names_beside(target) == ["file.bin"]


@pytest.mark.slow
def test_a_stopped_download_is_resumed(server: LocalServer, target: Path) -> None:
    server.seconds_a_piece = 0.01
    work = download(f"{server.url}/file.bin", target, md5=MD5)
    while (step := next(work)) and isinstance(step, Progress) and step.done < 500_000:
        pass
    work.close()
    part = target.with_name(".file.bin.part")
    arrived = part.stat().st_size
    assert 500_000 <= arrived < len(CONTENT)
    assert part.read_bytes() == CONTENT[:arrived]
    finish(download(f"{server.url}/file.bin", target, md5=MD5))
    assert server.asked[-1] == f"/file.bin bytes={arrived}-"
    assert target.read_bytes() == CONTENT


def test_a_changed_file_is_sent_whole_by_a_server_with_etags(
    server: LocalServer, target: Path
) -> None:
    cut_off(server, target)
    changed = server.files["/file.bin"] = CONTENT[::-1]
    finish(download(f"{server.url}/file.bin", target))
    assert target.read_bytes() == changed
    assert server.asked == ["/file.bin", "/file.bin bytes=1000000-"]


@pytest.mark.parametrize("etags", [True, False])
def test_a_changed_file_is_requested_from_its_beginning(
    server: LocalServer, target: Path, etags: bool
) -> None:
    server.etags, server.if_range = etags, False
    cut_off(server, target)
    changed = CONTENT[::-1] + (b"" if etags else b"and more")  # What tells it from the first
    server.files["/file.bin"] = changed
    finish(download(f"{server.url}/file.bin", target))
    assert target.read_bytes() == changed
    assert server.asked == ["/file.bin", "/file.bin bytes=1000000-", "/file.bin"]


def test_a_server_that_sends_less_than_the_rest_is_requested_again(
    server: LocalServer, target: Path
) -> None:
    cut_off(server, target)
    server.longest_part = 1_000_000
    error = problem_of(f"{server.url}/file.bin", target)
    assert error.problem == "The download of file.bin was cut off after 2.0 MB of 3.1 MB."
    server.longest_part = 2_000_000
    finish(download(f"{server.url}/file.bin", target))
    assert target.read_bytes() == CONTENT


def test_a_server_without_ranges_sends_all_again(server: LocalServer, target: Path) -> None:
    server.ranges = False
    cut_off(server, target)
    finish(download(f"{server.url}/file.bin", target, md5=MD5))
    assert target.read_bytes() == CONTENT


def test_a_partial_file_of_another_url_is_not_resumed(server: LocalServer, target: Path) -> None:
    cut_off(server, target)
    server.files["/mirror/file.bin"] = CONTENT
    finish(download(f"{server.url}/mirror/file.bin", target, md5=MD5))
    assert server.asked[-1] == "/mirror/file.bin"


def test_a_file_of_unknown_length_is_downloaded(server: LocalServer, target: Path) -> None:
    server.lengths = False
    finish(download(f"{server.url}/file.bin", target, md5=MD5))
    assert target.read_bytes() == CONTENT


def test_an_interrupted_file_of_unknown_length_is_an_error(
    server: LocalServer, target: Path
) -> None:
    server.lengths = False
    error = cut_off(server, target)
    assert error.problem == "The download of file.bin was cut off after 1.0 MB."
    assert error.advice == "Try again."
    assert not target.exists()


def test_a_file_with_a_wrong_hash_is_removed(server: LocalServer, target: Path) -> None:
    error = problem_of(f"{server.url}/file.bin", target, md5="0" * 32)
    assert error.problem == (
        "file.bin arrived, but its checksum is not the published one, so it was removed."
    )
    assert names_beside(target) == []


@pytest.mark.parametrize("status", [403, 404, 503, 204])
def test_another_status_than_ok_is_an_error(server: LocalServer, target: Path, status: int) -> None:
    server.status = status
    error = problem_of(f"{server.url}/file.bin", target)
    host = server.url.removeprefix("http://")
    assert (
        error.problem == f"{host} did not give file.bin: the server returned HTTP status {status}."
    )
    assert not target.exists()


def test_a_refused_connection_is_an_error_at_once(target: Path) -> None:
    url, began = refused_url(), time.monotonic()
    error = problem_of(f"{url}/file.bin", target)
    assert time.monotonic() - began < 2
    assert error.problem == f"{url.removeprefix('http://')} refused the connection."
    assert error.advice == "Check the network connection and the address, then try again."


def test_an_unknown_host_is_an_error(target: Path) -> None:
    error = problem_of("https://workbench.invalid/file.bin", target)  # RFC 6761: never resolves
    assert error.problem == (
        "The address of workbench.invalid was not found: this computer seems to be offline."
    )


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/y", "file.bin", "https://"])
def test_only_http_urls_are_downloaded(url: str, target: Path) -> None:
    assert problem_of(url, target).problem == f"{url} is not a web address."


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
def test_a_full_disk_is_an_error(server: LocalServer, target: Path) -> None:
    target.parent.mkdir()
    target.with_name(".file.bin.part").symlink_to("/dev/full")  # Every write finds it full
    error = problem_of(f"{server.url}/file.bin", target)
    assert error.problem == "The disk is full: file.bin does not fit."


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_write_permission_is_an_error(server: LocalServer, target: Path) -> None:
    target.parent.mkdir(mode=0o500)
    error = problem_of(f"{server.url}/file.bin", target)
    assert error.problem == "file.bin could not be kept: Permission denied."


def test_a_file_in_place_of_the_folder_is_an_error(server: LocalServer, target: Path) -> None:
    target.parent.write_bytes(b"")
    error = problem_of(f"{server.url}/file.bin", target)
    assert error.problem == "file.bin could not be kept: File exists."


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="no file locks there")
def test_two_downloads_at_once_send_the_file_once(server: LocalServer, target: Path) -> None:
    server.seconds_a_piece = 0.01
    first = download(f"{server.url}/file.bin", target, md5=MD5)
    while (step := next(first)) and isinstance(step, Progress) and step.done == 0:
        pass
    second = download(f"{server.url}/file.bin", target, md5=MD5)
    assert next(second) == Progress(0, 0, "waiting for another download of file.bin")
    thread = threading.Thread(target=finish, args=(second,))
    thread.start()
    finish(first)
    thread.join()
    assert server.asked == ["/file.bin"]
    assert names_beside(target) == ["file.bin"]
