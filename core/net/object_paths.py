"""Paths in the local cache of objects, each of which names an object or stands for an address.

`<cache>/s3/<bucket>/<prefix>/<folders>/<SHA-256>-<name>` names the object
`s3://<bucket>/<prefix>/<folders>/<name>` with that content, whether it is in the cache yet or not;
a folder stands for an address in the same way. So the rest of the program has paths only, and
`object_cache.py` turns one into a file that can be read.
"""

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote

from core.net.remote_address import (
    HTTP,
    HTTPS,
    LIST_SUFFIXES,
    S3,
    RemoteAddress,
    is_address,
    parse_address,
)
from core.workspace import PROJECT, Workspace

FOLDER_VARIABLE = "WORKBENCH_OBJECT_CACHE"
"""Environment variable with the folder of the cache, by default in the workspace. Machines that
share a workspace have one each on their own disks."""

LIST = "-list"
"""Ending of the folder of a scheme for addresses that are lists."""

MAX_NAME_BYTES = 190
"""Longest name of an object: with the SHA-256 before it, file systems take no more."""

CONTENT = re.compile(r"([0-9a-f]{64})-(.+)", re.S)


class CachedObject(NamedTuple):
    """What a path below the cache names."""

    address: RemoteAddress
    path: str
    """Path of the object relative to the address."""

    sha256: str


def cache_folder() -> str:
    """Return the folder of the cache."""
    return _resolved(os.environ.get(FOLDER_VARIABLE), os.environ.get("WORKBENCH_HOME"))


@lru_cache(maxsize=16)  # It is asked for each of millions of rows
def _resolved(folder: str | None, home: str | None) -> str:
    chosen = folder or Workspace(Path(home or PROJECT)).objects
    return os.path.realpath(os.path.expanduser(chosen))


def folder_of(text: str) -> Path:
    """Return the folder that a text names: a path, or the folder that stands for an address.

    Raises:
        WorkbenchError: It is an address that cannot be used; see `parse_address`.
    """
    if not is_address(text):
        return Path(text)
    address = parse_address(text)
    kind = address.scheme + (LIST if address.is_list else "")
    return Path(cache_folder(), kind, quote(address.host, safe=""), *address.path.split("/"))


def address_of(folder: Path) -> RemoteAddress | None:
    """Return the address that a folder stands for, None for a folder on disk."""
    start = cache_folder() + os.sep
    parts = os.fspath(folder).removeprefix(start).split(os.sep)
    kind = parts[0].removesuffix(LIST)
    if not os.fspath(folder).startswith(start) or kind not in (S3, HTTPS, HTTP) or len(parts) < 2:
        return None
    return RemoteAddress(kind, unquote(parts[1]), "/".join(parts[2:]), parts[0].endswith(LIST))


def is_remote(path: str | Path) -> bool:
    """Return whether a path is below the cache."""
    return os.fspath(path).startswith(cache_folder() + os.sep)


def shown(folder: Path) -> str:
    """Return a folder as users read it: its path, or the address that it stands for."""
    return str(address_of(folder) or folder)


def file_of(folder: str | Path, path: str, sha256: str) -> str:
    """Return the path of an image's file, which names its content if it is an object.

    Args:
        folder: A folder on disk, or one that stands for an address.
        path: Path of the image relative to it.
        sha256: SHA-256 of the content in hexadecimal.
    """
    if not is_remote(folder):
        return os.path.join(folder, path)
    parent, _, name = path.rpartition("/")
    return os.path.join(folder, parent, f"{sha256}-{name}")


def object_of(file: str | Path) -> CachedObject | None:
    """Return the object that a file's path names, None for a file on disk."""
    if not is_remote(file):
        return None
    parent, _, last = os.fspath(file).rpartition(os.sep)
    address, named = address_of(Path(parent)), CONTENT.fullmatch(last)
    if address is None or named is None:
        return None
    sha256, name = named.groups()
    if not address.is_list:
        return CachedObject(address, name, sha256)
    parts = address.path.split("/")  # The list, and the folders of the object below it
    ends = next((at for at, part in enumerate(parts) if part.lower().endswith(LIST_SUFFIXES)), 0)
    source = RemoteAddress(address.scheme, address.host, "/".join(parts[: ends + 1]), is_list=True)
    return CachedObject(source, "/".join([*parts[ends + 1 :], name]), sha256)


def name_of(file: Path) -> str:
    """Return the name of an image's file without the SHA-256 that a path in the cache has."""
    named = CONTENT.fullmatch(file.name) if is_remote(file) else None
    return named[2] if named else file.name
