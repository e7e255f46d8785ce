"""Listings of the objects below an address: of a bucket, a page of links, or a list of files."""

import csv
import hashlib
import io
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urljoin

from core.errors import MissingError
from core.net.object_errors import ObjectError
from core.net.object_store import ask, fetch
from core.net.page_links import links_of
from core.net.remote_address import S3, RemoteAddress

MAX_PAGE_BYTES = 64 << 20
"""Largest page of links or list of files that is read."""

KEYS_A_PAGE = 1000
"""Keys in one answer of S3, its most."""

MAX_PAGES = 100_000
"""Most pages of links that are read, against servers that invent them."""

HEADS = 32
"""Files of a web server that are asked for their size at once."""

TICK_NS, TICKS = 100, 10_000_000
"""The part of a second in which versions of the same second differ: 100 ns is what all file systems
can store."""

FOREIGN = "foreign"
"""What becomes of a link or line that leads elsewhere or has a query: it is only counted."""


class Listed(NamedTuple):
    """An object below an address."""

    path: str
    """Path relative to the folder of the address."""

    size_bytes: int
    """0 if the server does not say it."""

    modified_ns: int
    """Seconds of its last change, with a part of a second that its entity tag determines; 0 if the
    server says neither. It differs if the object has changed."""


def list_objects(
    address: RemoteAddress,
    is_wanted: Callable[[str], bool],
    foreign: Callable[[str], None],
    *,
    is_full: Callable[[], bool] = lambda: False,
) -> Iterator[Listed]:
    """Yield the objects below an address.

    Args:
        address: The folder or the list.
        is_wanted: Whether more must be known of a path than that it is there; only then a web
            server is asked for its size.
        foreign: Gets links and lines that lead elsewhere.
        is_full: Ends the listing early.

    Raises:
        MissingError: There is no such bucket, page or list.
        DownloadError: It cannot be listed.
    """
    if address.scheme == S3:
        return _list_bucket(address, is_full)
    paths = _list_lines(address, foreign) if address.is_list else _crawl(address, foreign, is_full)
    return _with_sizes(address, paths, is_wanted, is_full)


def version_ns(seconds: float, tag: str) -> int:
    """Return the time of an object's last change, which differs between versions; see `Listed`."""
    whole = int(seconds) * 1_000_000_000
    if not tag:
        return whole
    digest = hashlib.sha256(tag.encode()).digest()
    return whole + int.from_bytes(digest[:8]) % TICKS * TICK_NS


def _list_bucket(address: RemoteAddress, is_full: Callable[[], bool]) -> Iterator[Listed]:
    prefix = f"{address.path}/" if address.path else ""
    place: dict[str, str] = {}
    while not is_full():
        answer: dict[str, Any] = ask(
            address,
            str(address),
            lambda store, place=place: store.call_s3(  # type: ignore[misc]
                "list_objects_v2",
                Bucket=address.host,
                Prefix=prefix,
                MaxKeys=KEYS_A_PAGE,
                **place,
            ),
        )
        for found in answer.get("Contents", ()):
            path = found["Key"].removeprefix(prefix)
            if path and not path.endswith("/"):  # What consoles make to show a folder
                changed = version_ns(found["LastModified"].timestamp(), found.get("ETag", ""))
                yield Listed(path, int(found["Size"]), changed)
        if not answer.get("IsTruncated"):
            return
        place = {"ContinuationToken": answer["NextContinuationToken"]}


def _crawl(
    address: RemoteAddress, foreign: Callable[[str], None], is_full: Callable[[], bool]
) -> Iterator[str]:
    """Yield the paths that pages of links lead to, below the address."""
    waiting, seen = deque([""]), {""}
    while waiting and not is_full():
        folder = waiting.popleft()
        try:
            page = _read(address, f"{folder}/" if folder else "")
        except ObjectError:
            if not folder:
                raise
            foreign(folder)
            continue
        for link in links_of(page):
            path = _below(address, folder, link)
            if path is None or path in seen:
                continue
            seen.add(path)
            if path.endswith("/") and len(seen) < MAX_PAGES:
                waiting.append(path.rstrip("/"))
            elif not path.endswith("/"):
                yield path


def _list_lines(address: RemoteAddress, foreign: Callable[[str], None]) -> Iterator[str]:
    """Yield the paths in a list, in its order: lines, or the first column of a CSV."""
    name = address.path.rpartition("/")[2]
    text = _read(address, name).decode("utf-8-sig", "replace")
    is_table = name.lower().endswith(".csv")
    rows = csv.reader(io.StringIO(text)) if is_table else ([line] for line in text.splitlines())
    seen = set()
    for row in rows:
        line = row[0].strip() if row else ""
        if not line or line.startswith("#"):
            continue
        path = _below(address, "", line)
        if path is None or path.endswith("/"):
            foreign(line)
        elif path not in seen:
            seen.add(path)
            yield path


def _below(address: RemoteAddress, folder: str, link: str) -> str | None:
    """Return the path that a link leads to, relative to the address's folder; None if elsewhere."""
    base = address.location("")
    here = address.location(f"{folder}/") if folder else base
    try:
        target = urljoin(here, link)
    except ValueError:  # Brackets that do not close
        return None
    if not target.startswith(base) or "?" in target or "#" in target:
        return None
    path = unquote(target.removeprefix(base))
    parts = path.rstrip("/").split("/")
    return None if any(part in ("", ".", "..") for part in parts) else path


def _read(address: RemoteAddress, path: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="listing-") as folder:
        target = Path(folder) / "listing"
        try:
            fetch(address, path, target, MAX_PAGE_BYTES)
        except ObjectError as error:
            if path.strip("/") in ("", address.path.rpartition("/")[2]):
                raise MissingError(
                    f"There is no list of files at {address}: {error.problem}",
                    "Check the address; it must be a page of links or a list of files.",
                ) from error
            raise
        return target.read_bytes()


def _with_sizes(
    address: RemoteAddress,
    paths: Iterator[str],
    is_wanted: Callable[[str], bool],
    is_full: Callable[[], bool],
) -> Iterator[Listed]:
    """Yield objects of a web server with size and version, which it is asked for one by one."""

    def head(path: str) -> Listed | None:
        if not is_wanted(path):
            return Listed(path, 0, 0)
        try:
            info = ask(address, address.shown(path), lambda store: _info(store, address, path))
        except ObjectError:
            return None
        return _described(path, info)

    with ThreadPoolExecutor(HEADS) as heads:
        waiting: deque[Any] = deque()
        for path in paths:
            waiting.append(heads.submit(head, path))
            if len(waiting) >= 2 * HEADS:
                found = waiting.popleft().result()
                if found:
                    yield found
            if is_full():
                break
        for each in waiting:
            found = each.result()
            if found:
                yield found


def _info(store: Any, address: RemoteAddress, path: str) -> dict[str, Any]:
    try:
        return dict(store.info(address.location(path)))
    except FileNotFoundError as error:  # fsspec's for whatever went wrong
        if isinstance(error.__cause__, OSError):
            raise error.__cause__ from error
        raise


def _described(path: str, info: dict[str, Any]) -> Listed:
    seconds = 0.0
    if date := info.get("Last-Modified"):
        try:
            seconds = parsedate_to_datetime(date).timestamp()
        except ValueError:  # Not a date
            seconds = 0.0
    return Listed(path, int(info.get("size") or 0), version_ns(seconds, info.get("ETag", "")))
