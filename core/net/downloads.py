"""Downloads of files over HTTP, with progress, resumption and a check of the hash."""

import hashlib
import os
import sys
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from core.errors import DownloadError
from core.files import FULL_DISK, read_json, sync_folder, write_json
from core.net.http_stream import HttpStream, Response, host_of, unreachable_error
from core.options import from_json
from core.progress import Progress, Work

REPORT_SECONDS = 0.2
HASH_CHUNK = 1 << 20
RESPONSE_TIMEOUT_S = 15.0
"""Time to resolve the server's name, which has no timeout of its own, to try each of its
addresses, and to receive the response."""

WHOLE, PART, NO_SUCH_PART = 200, 206, 416


@dataclass(frozen=True, slots=True)
class _PartInfo:
    """What the server says of a partly downloaded file."""

    url: str = ""
    total: int = 0
    etag: str = ""
    sha256: str = ""
    """Of the whole file; empty if the server does not say it."""


def download(
    url: str, target: Path, *, sha256_prefix: str | None = None, md5: str | None = None
) -> Work[Path]:
    """Download `url` to `target` unless it exists with the right hash, and return `target`.

    The content is in `.<name>.part` beside the target until it is complete, and a later call
    resumes from there. A second download of the same file, in any process, waits for the first.

    Args:
        url: http or https.
        target: Path of the file, which is complete and verified or missing; its folder is created.
        sha256_prefix: First hexadecimal digits of its SHA-256; if None, the one that the server
            gives, if it does.
        md5: Its MD5 in hexadecimal.

    Raises:
        DownloadError: The download failed, or the hash is wrong.
    """
    if urlsplit(url).scheme not in ("http", "https") or not host_of(url):
        raise DownloadError(f"{url} is not a web address.", "Use one that begins with https://.")
    part = _part_path(target)
    try:
        if (yield from has_hash(target, sha256_prefix=sha256_prefix, md5=md5)):
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        while True:
            with part.open("ab") as file:
                if _lock(file, part):
                    if (yield from has_hash(target, sha256_prefix=sha256_prefix, md5=md5)):
                        part.unlink()  # Another download has completed it meanwhile
                        return target
                    yield from _fetch(url, target, file)
                    published = _read_info(target, url).sha256 or None
                    yield from _check(target, sha256_prefix or published, md5)
                    _publish(target, file)
                    return target
            yield Progress(0, 0, f"waiting for another download of {target.name}")
            time.sleep(REPORT_SECONDS)
    except OSError as error:
        raise _write_error(target, error) from error


def has_hash(path: Path, *, sha256_prefix: str | None = None, md5: str | None = None) -> Work[bool]:
    """Return whether a file exists and has the given hashes; report progress of reading it."""
    if not path.is_file():
        return False
    sums = [(hashlib.sha256(), sha256_prefix), (hashlib.md5(usedforsecurity=False), md5)]
    checks = [(digest, expected.lower()) for digest, expected in sums if expected]
    total = path.stat().st_size
    with path.open("rb") as file:
        while checks and (chunk := file.read(HASH_CHUNK)):
            for digest, _ in checks:
                digest.update(chunk)
            yield Progress(file.tell(), total, "checking the file")
    return all(digest.hexdigest().startswith(expected) for digest, expected in checks)


def _fetch(url: str, target: Path, file: BinaryIO) -> Work[None]:
    """Download the rest of the partial file, or all of it if the server cannot resume."""
    info = _read_info(target, url)
    size = file.seek(0, os.SEEK_END)
    if size and size == info.total:
        return
    start = size if size < info.total else 0
    while True:
        with closing(HttpStream(url, start=start, etag=info.etag)) as stream:
            response = yield from _wait_for_response(stream, target)
            resumes = start > 0 and _continues(response, start, info)
            if start and not resumes and response.status in (PART, NO_SUCH_PART):
                start = 0  # The file has changed: download it from its beginning
                continue
            if response.status != (PART if resumes else WHOLE):
                problem = f"the server returned HTTP status {response.status}."
                raise StatusError(
                    f"{host_of(url)} did not give {target.name}: {problem}",
                    "Try again later, or check the address.",
                    response.status,
                )
            if not resumes:
                if size:
                    file.truncate(0)
                info = _PartInfo(url, response.total, response.etag, response.sha256)
                write_json(_info_path(target), asdict(info))
            yield from _receive(stream, response, target, file)
            return


def _wait_for_response(stream: HttpStream, target: Path) -> Work[Response]:
    started = time.monotonic()
    while time.monotonic() - started < RESPONSE_TIMEOUT_S:
        message = stream.next_message(REPORT_SECONDS)
        if isinstance(message, Response):
            return message
        if isinstance(message, Exception):
            raise unreachable_error(stream.url, message) from message
        yield Progress(0, 0, f"connecting to {host_of(stream.url)} for {target.name}")
    raise unreachable_error(stream.url, TimeoutError())


def _receive(stream: HttpStream, response: Response, target: Path, file: BinaryIO) -> Work[None]:
    note, done, total = f"downloading {target.name}", response.start, response.total
    yield Progress(done, total, note)
    while (message := stream.next_message(REPORT_SECONDS)) != b"":
        if isinstance(message, Exception):
            raise _cut_off_error(target, done, total) from message
        if isinstance(message, bytes):
            file.write(message)
            file.flush()
            done += len(message)
        yield Progress(done, total, note)
    if total and done != total:
        raise _cut_off_error(target, done, total)


def _continues(response: Response, start: int, info: _PartInfo) -> bool:
    """Return whether the response is the rest of the partly downloaded file."""
    same = not (response.etag and info.etag) or response.etag == info.etag
    return (response.status, response.start, response.total) == (PART, start, info.total) and same


def _check(target: Path, sha256_prefix: str | None, md5: str | None) -> Work[None]:
    if (yield from has_hash(_part_path(target), sha256_prefix=sha256_prefix, md5=md5)):
        return
    _part_path(target).unlink(missing_ok=True)
    _info_path(target).unlink(missing_ok=True)
    raise DownloadError(
        f"{target.name} arrived, but its checksum is not the published one, so it was removed.",
        "Try again; if it is wrong again, the server sends another file or a page in its place.",
    )


def _publish(target: Path, file: BinaryIO) -> None:
    os.fsync(file.fileno())
    if os.name == "nt":  # Windows cannot rename an open file
        file.close()
    _part_path(target).replace(target)
    _info_path(target).unlink(missing_ok=True)
    sync_folder(target.parent)


def _lock(file: BinaryIO, path: Path) -> bool:
    """Lock the partial file, and return whether it worked; a kill releases the lock too."""
    if sys.platform == "win32":  # Without a lock; the checksum detects two writers
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except (BlockingIOError, FileNotFoundError):
        return False  # Another process has locked or just renamed it


def _part_path(target: Path) -> Path:
    return target.with_name(f".{target.name}.part")


def _info_path(target: Path) -> Path:
    return target.with_name(f".{target.name}.part.json")


def _read_info(target: Path, url: str) -> _PartInfo:
    try:
        info = from_json(_PartInfo, read_json(_info_path(target)))
    except (FileNotFoundError, ValueError, TypeError):
        return _PartInfo()
    return info if info.url == url else _PartInfo()


class StatusError(DownloadError):
    """The server did not give the file."""

    def __init__(self, problem: str, advice: str, status: int = 0) -> None:
        super().__init__(problem, advice)
        self.status = status
        """HTTP status."""


def _cut_off_error(target: Path, done: int, total: int) -> DownloadError:
    of_all = f" of {total / 1e6:.1f} MB" if total else ""
    return DownloadError(
        f"The download of {target.name} was cut off after {done / 1e6:.1f} MB{of_all}.",
        "Try again; the download resumes." if total else "Try again.",
    )


def _write_error(target: Path, error: OSError) -> DownloadError:
    if error.errno in FULL_DISK:
        return DownloadError(
            f"The disk is full: {target.name} does not fit.",
            "Free disk space, then try again; the download resumes.",
        )
    return DownloadError(
        f"{target.name} could not be kept: {error.strerror or error}.",
        f"Check that {target.parent} is a folder that you may write to.",
    )
