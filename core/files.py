"""Files: atomic and durable writes, JSON that may come from elsewhere, checksums and sizes."""

import errno
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

MAX_JSON_BYTES = 256 << 20
"""Largest JSON that is read; the longest, of a bundle's 500,000 images, has about 100 MB."""

MAX_JSON_DEPTH = 64
"""Most levels of lists and objects; the deepest that is written here has 6."""


class JsonError(ValueError):
    """Text is not JSON, or is larger or deeper than is read."""


FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
"""Error numbers of a full disk or quota."""


def write_atomically(
    path: Path, write: Callable[[BinaryIO], object], *, durable: bool = True
) -> None:
    """Write a file through `write` so that a kill leaves the old file or the new one.

    `write` fills a temporary file beside `path`, which is synced and renamed. Several threads may
    write one path at once: the last one wins. `durable=False` skips the syncs, for files that can
    be made again after a power cut.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with temporary.open("wb") as file:
            write(file)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    if durable:
        sync_folder(path.parent)


def write_json(path: Path, content: Any) -> None:
    """Write `content` as indented JSON, atomically."""
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    write_atomically(path, lambda file: file.write(text.encode()))


def parse_json(text: str | bytes) -> Any:
    """Return the content of JSON text that may come from elsewhere.

    Raises:
        JsonError: It is not JSON, or larger or deeper than is read.
    """
    if len(text) > MAX_JSON_BYTES:
        raise JsonError(f"JSON of more than {MAX_JSON_BYTES >> 20} MB")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:  # The depth at which Python gives up varies
        raise JsonError(f"no JSON: {type(error).__name__}") from error
    level = [content]
    for _ in range(MAX_JSON_DEPTH):
        level = [inner for outer in level for inner in _items(outer)]
        if not level:
            return content
    raise JsonError(f"JSON of more than {MAX_JSON_DEPTH} levels")


def _items(value: Any) -> Iterable[Any]:
    """Return the lists and objects in a list or object."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (each for each in inner if isinstance(each, dict | list))


def read_json(path: Path) -> Any:
    """Return the content of a JSON file that may come from elsewhere.

    Raises:
        JsonError: It is not JSON, or larger or deeper than is read.
        OSError: There is no such file, or it cannot be read.
    """
    if path.stat().st_size > MAX_JSON_BYTES:
        raise JsonError(f"JSON of more than {MAX_JSON_BYTES >> 20} MB")
    return parse_json(path.read_bytes())


def sync_folder(folder: Path) -> None:
    """Make a folder's entries durable; a rename alone does not survive a power cut."""
    if os.name == "nt":  # Windows cannot open a folder for syncing
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
    """Make the content of a written file durable."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_bytes(folder: Path) -> int:
    """Return the bytes of the files under `folder`, without following links; 0 if it is missing."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError, PermissionError):  # Deleted meanwhile, or not readable
                total += os.lstat(os.path.join(parent, name)).st_size
    return total
