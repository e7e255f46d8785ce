"""The local cache of objects: the one place that turns a path in it into a file with that content.

What is read is verified by its SHA-256 each time. The cache may be deleted at any time, and several
processes may use it. Files that were not used for the longest time are removed when it is full
(`cache_eviction.py`).
"""

import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from core.errors import UnfetchedImageError, UnreachableStoreError, WorkbenchError
from core.files import sha256_of
from core.net.cache_eviction import HELD, note_added, note_used
from core.net.object_errors import ObjectError, StoreError, changed
from core.net.object_paths import (
    FOLDER_VARIABLE,
    CachedObject,
    address_of,
    cache_folder,
    is_remote,
    name_of,
    object_of,
)
from core.net.object_store import fetch

MAX_OBJECT_BYTES = 1_000_000_000
"""Largest object, as for image files."""

AHEAD = 64
"""Objects that `fetch_ahead` fetches at once."""

T = TypeVar("T")

FETCHERS = 16
"""Objects that one call of `hold` fetches at once."""


@contextmanager
def hold(files: Sequence[Path]) -> Iterator[list[Path | UnfetchedImageError]]:
    """Provide image files for reading: files on disk as they are, objects as verified copies.

    Objects that are not in the cache are fetched, several at once. Within the `with`, the copies
    stay, whatever is removed from the cache.

    Yields:
        The file to read for each path, or why it cannot be fetched.

    Raises:
        UnreachableStoreError: A server is away or refuses the credentials.
    """
    start = cache_folder() + os.sep
    if not any(os.fspath(file).startswith(start) for file in files):
        yield list(files)
        return
    with _private_folder() as folder:
        with ThreadPoolExecutor(min(FETCHERS, len(files))) as fetchers:
            held = list(fetchers.map(partial(_hold, folder), range(len(files)), files))
        note_added(Path(cache_folder()), 0)
        yield held


def fetch_ahead(items: Iterable[T], file_of_item: Callable[[T], Path]) -> Iterator[T]:
    """Yield items in order, after the objects of some of them were fetched at once.

    For those who read one file after the other. Where a server is away, reading says so.
    """
    waiting = iter(items)
    while group := list(islice(waiting, AHEAD)):
        files = [file_of_item(item) for item in group]
        if any(map(is_remote, files)):
            with suppress(UnreachableStoreError), hold(files):
                pass
        yield from group


@contextmanager
def fetched(folder: Path, path: str) -> Iterator[Path]:
    """Provide the present content of an object, which is not verified, under its own name.

    Args:
        folder: A folder that stands for an address.
        path: Path of the object relative to it.

    Raises:
        UnfetchedImageError: It cannot be fetched.
        UnreachableStoreError: The server is away or refuses the credentials.
    """
    address = address_of(folder)
    if address is None:
        yield folder / path
        return
    with _private_folder() as private:
        target = private / path.rpartition("/")[2]
        with _translated():
            fetch(address, path, target, MAX_OBJECT_BYTES)
        yield target


def keep(content: Path, file: str) -> None:
    """Add a copy of an object to the cache.

    Args:
        content: The verified content, in a folder of `hold` or `fetched`.
        file: The path that names it; see `file_of`.
    """
    with suppress(OSError):  # Without the cache, images are fetched again
        os.makedirs(os.path.dirname(file), exist_ok=True)
        _link(content, Path(file))
        note_added(Path(cache_folder()), content.stat().st_size)


def _hold(folder: Path, number: int, file: Path) -> Path | UnfetchedImageError:
    named = object_of(file)
    if named is None:
        return file
    target = folder / f"{number}-{name_of(file)}"
    try:
        if not _take(file, target, named.sha256):
            _fetch(named, file, target)
    except UnreachableStoreError:
        raise
    except UnfetchedImageError as error:
        return error
    return target


def _take(file: Path, target: Path, sha256: str) -> bool:
    """Hold a file of the cache, and return whether it is there and has the right content."""
    try:
        _link(file, target)
    except OSError:
        return False
    if sha256_of(target) != sha256:  # Cut off by a power failure
        target.unlink()
        file.unlink(missing_ok=True)
        return False
    note_used(file)
    return True


def _fetch(named: CachedObject, file: Path, target: Path) -> None:
    with _translated():
        fetch(named.address, named.path, target, MAX_OBJECT_BYTES)
        if sha256_of(target) != named.sha256:
            raise changed(named.address.shown(named.path))
    keep(target, str(file))


def _link(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where the file system has no such names."""
    try:
        target.hardlink_to(source)
    except FileExistsError:  # Another process was first
        return
    except (PermissionError, NotImplementedError, OSError) as error:
        if not source.exists():
            raise FileNotFoundError(source) from error
        temporary = target.with_name(f".{secrets.token_hex(8)}")
        shutil.copyfile(source, temporary)
        temporary.replace(target)


@contextmanager
def _private_folder() -> Iterator[Path]:
    """Provide a folder of this call in the cache, on the same disk as its files."""
    folder = Path(cache_folder(), HELD, f"{os.getpid()}-{secrets.token_hex(8)}")
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise UnreachableStoreError(
            f"The cache of images in {folder.parent.parent} cannot be written: {error.strerror}.",
            f"Free disk space, or name another folder in {FOLDER_VARIABLE}.",
        ) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _translated() -> Iterator[None]:
    """Raise the errors of a store as those of images."""
    try:
        yield
    except StoreError as error:
        raise UnreachableStoreError(error.problem, error.advice) from error
    except ObjectError as error:
        raise UnfetchedImageError(error.problem, error.advice) from error
    except WorkbenchError as error:  # The address is not allowed
        raise UnreachableStoreError(error.problem, error.advice) from error
