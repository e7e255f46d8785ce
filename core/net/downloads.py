"""Fetching a file: with progress, resumed when it was cut off, checked when it is here.

What the file is, and what becomes of it, is the caller's business.
"""

import hashlib
import json
import os
import sys
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from core.errors import DownloadError
from core.files import FULL_DISK, sync_folder, write_json
from core.net.http_stream import HttpStream, Response, host_of, unreachable_error
from core.progress import Progress, Work

REPORT_SECONDS = 0.2
REPORT_BYTES = 1 << 20
ANSWER_SECONDS = 15.0
"""For finding the server's address, which has no timeout of its own, for trying each of its
machines, and for its first word."""

WHOLE, PART, NO_SUCH_PART = 200, 206, 416


@dataclass(frozen=True, slots=True)
class _Facts:
    """What was promised of a file that has partly arrived."""

    url: str = ""
    total: int = 0
    etag: str = ""


def download(
    url: str, target: Path, *, sha256_prefix: str | None = None, md5: str | None = None
) -> Work[Path]:
    """Fetch `url` into `target`, unless it is there with the right hash; returns `target`.

    What arrives is kept beside it in `.<name>.part` until it is whole, and a later call goes on
    from there. A second download of the same file, in any process, waits for the first.

    Args:
        url: http or https.
        target: Appears whole and checked, or not at all; its folder is made.
        sha256_prefix: First hexadecimal digits of its SHA-256.
        md5: Its MD5 in hexadecimal.

    Raises:
        DownloadError: It did not arrive, or not as it was promised.
    """
    if urlsplit(url).scheme not in ("http", "https") or not host_of(url):
        raise DownloadError(f"{url} is no web address.", "Use one that begins with https://.")
    part = _part_of(target)
    try:
        if (yield from has_hash(target, sha256_prefix=sha256_prefix, md5=md5)):
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        while True:
            with part.open("ab") as file:
                if _lock(file, part):
                    if (yield from has_hash(target, sha256_prefix=sha256_prefix, md5=md5)):
                        part.unlink()  # Another download has brought it meanwhile
                        return target
                    yield from _fetch(url, target, file)
                    yield from _check(target, sha256_prefix, md5)
                    _publish(target, file)
                    return target
            yield Progress(0, 0, f"waiting for another download of {target.name}")
            time.sleep(REPORT_SECONDS)
    except OSError as error:
        raise _not_written(target, error) from error


def has_hash(path: Path, *, sha256_prefix: str | None = None, md5: str | None = None) -> Work[bool]:
    """Say whether a file is there and has those hashes that are given, reading it with progress."""
    if not path.is_file():
        return False
    sums = [(hashlib.sha256(), sha256_prefix), (hashlib.md5(usedforsecurity=False), md5)]
    wanted = [(digest, expected.lower()) for digest, expected in sums if expected]
    total, done, reported = path.stat().st_size, 0, time.monotonic()
    with path.open("rb") as file:
        while wanted and (chunk := file.read(REPORT_BYTES)):
            for digest, _ in wanted:
                digest.update(chunk)
            done += len(chunk)
            if time.monotonic() - reported > REPORT_SECONDS:
                reported = time.monotonic()
                yield Progress(done, total, "checking the file")
    return all(digest.hexdigest().startswith(expected) for digest, expected in wanted)


def _fetch(url: str, target: Path, file: BinaryIO) -> Work[None]:
    """Bring the partial file to its full length, from where it ends if the server can do that."""
    facts = _read_facts(target, url)
    here = file.seek(0, os.SEEK_END)
    if here and here == facts.total:
        return
    start = here if here < facts.total else 0
    while True:
        with closing(HttpStream(url, start=start, etag=facts.etag)) as stream:
            answer = yield from _wait_for_answer(stream, target)
            resumes = start > 0 and _goes_on(answer, start, facts)
            if start and not resumes and answer.status in (PART, NO_SUCH_PART):
                start = 0  # The file is another one by now: fetch it from its beginning
                continue
            if answer.status != (PART if resumes else WHOLE):
                raise _refused(url, target, answer.status)
            if not resumes:
                if here:
                    file.truncate(0)
                facts = _Facts(url, answer.total, answer.etag)
                write_json(_facts_of(target), asdict(facts))
            yield from _receive(stream, answer, target, file)
            return


def _wait_for_answer(stream: HttpStream, target: Path) -> Work[Response]:
    started = time.monotonic()
    while time.monotonic() - started < ANSWER_SECONDS:
        message = stream.take(REPORT_SECONDS)
        if isinstance(message, Response):
            return message
        if isinstance(message, Exception):
            raise unreachable_error(stream.url, message) from message
        yield Progress(0, 0, f"connecting to {host_of(stream.url)} for {target.name}")
    raise unreachable_error(stream.url, TimeoutError())


def _receive(stream: HttpStream, answer: Response, target: Path, file: BinaryIO) -> Work[None]:
    note, done, total = f"downloading {target.name}", answer.start, answer.total
    yield Progress(done, total, note)
    reported, reported_at = done, time.monotonic()
    while (message := stream.take(REPORT_SECONDS)) != b"":
        if isinstance(message, Exception):
            raise _cut_off(target, done, total) from message
        if isinstance(message, bytes):
            file.write(message)
            file.flush()
            done += len(message)
        now = time.monotonic()
        if done - reported >= REPORT_BYTES or now - reported_at >= REPORT_SECONDS:
            reported, reported_at = done, now
            yield Progress(done, total, note)
    if total and done != total:
        raise _cut_off(target, done, total)
    yield Progress(done, total, note)


def _goes_on(answer: Response, start: int, facts: _Facts) -> bool:
    """Say whether what follows belongs to the file whose first part is here."""
    same = not (answer.etag and facts.etag) or answer.etag == facts.etag
    return (answer.status, answer.start, answer.total) == (PART, start, facts.total) and same


def _check(target: Path, sha256_prefix: str | None, md5: str | None) -> Work[None]:
    if (yield from has_hash(_part_of(target), sha256_prefix=sha256_prefix, md5=md5)):
        return
    _part_of(target).unlink(missing_ok=True)
    _facts_of(target).unlink(missing_ok=True)
    raise DownloadError(
        f"{target.name} arrived, but its checksum is not the published one, so it was removed.",
        "Try again; if it is wrong again, the server sends another file or a page in its place.",
    )


def _publish(target: Path, file: BinaryIO) -> None:
    os.fsync(file.fileno())
    if os.name == "nt":  # Windows cannot rename an open file
        file.close()
    _part_of(target).replace(target)
    _facts_of(target).unlink(missing_ok=True)
    sync_folder(target.parent)


def _lock(file: BinaryIO, path: Path) -> bool:
    """Take the partial file for this download alone; its end gives it back, even by a kill."""
    if sys.platform == "win32":  # There, the checksum alone finds two writers
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except (BlockingIOError, FileNotFoundError):
        return False  # Someone has it, or has just renamed it


def _part_of(target: Path) -> Path:
    return target.with_name(f".{target.name}.part")


def _facts_of(target: Path) -> Path:
    return target.with_name(f".{target.name}.part.json")


def _read_facts(target: Path, url: str) -> _Facts:
    try:
        facts = _Facts(**json.loads(_facts_of(target).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return _Facts()
    return facts if facts.url == url else _Facts()


def _refused(url: str, target: Path, status: int) -> DownloadError:
    return DownloadError(
        f"{host_of(url)} did not give {target.name}: it answered with HTTP status {status}.",
        "Try again later, or check the address.",
    )


def _cut_off(target: Path, done: int, total: int) -> DownloadError:
    of_all = f" of {_megabytes(total)}" if total else ""
    return DownloadError(
        f"The download of {target.name} was cut off after {_megabytes(done)}{of_all}.",
        "Try again: it goes on from there." if total else "Try again.",
    )


def _not_written(target: Path, error: OSError) -> DownloadError:
    if error.errno in FULL_DISK:
        return DownloadError(
            f"The disk is full: {target.name} did not fit on it.",
            "Make room, then try again: it goes on from where it stopped.",
        )
    return DownloadError(
        f"{target.name} could not be kept: {error.strerror or error}.",
        f"Check that {target.parent} is a folder that you may write to.",
    )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
