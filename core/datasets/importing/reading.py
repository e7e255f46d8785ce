"""Reading of files in a scan: header and content hash of each, in several threads.

Files are not decoded here; `verification.py` checks that they are whole.
"""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from core.datasets.annotations.annotated import NOT_ANNOTATED, Annotated
from core.datasets.columns import ROW_COLUMNS, ImageRow
from core.datasets.file_search import FoundFolder
from core.datasets.layout import Layout, readable
from core.datasets.tally import Reason, Tally
from core.errors import UnfetchedImageError, UnreachableStoreError, UnreadableImageError
from core.files import sha256_of
from core.images.decoding import ImageHeader
from core.images.failures import file_too_large
from core.images.isolation import read_header
from core.images.process_pool import available_cores
from core.net.object_cache import MAX_OBJECT_BYTES, fetched, keep
from core.net.object_paths import file_of, is_remote
from core.progress import Progress, Work

READERS = min(8, available_cores() + 2)
"""Threads that read and hash: they wait for the disk, and hashing releases Python's lock. On two
cores, eight take 1.1 to 1.2 times as long as four, as they wait for that lock."""

CHUNK = 64
"""Files per task of a thread."""

FETCHERS, FETCH_CHUNK = 32, 4
"""The same at an address: each file takes the time of a request, whatever its size."""

READ_AT_ONCE_BYTES = 32 << 20
"""A file up to this size is read once for header and hash, a larger one in pieces."""

EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
UNREADABLE = ImageHeader(0, 0, "")


class ScannedFile(NamedTuple):
    """A file that a scan found, with what its folders say about it."""

    root: int
    path: str
    size_bytes: int
    modified_ns: int
    label: str | None
    split: str | None


def scanned_files(
    number: int,
    folders: Sequence[FoundFolder],
    layout: Layout,
    tally: Tally,
    annotated: Annotated = NOT_ANNOTATED,
) -> Iterator[ScannedFile]:
    """Yield the files under the root of that number, with class and split.

    The tally gets those that the layout does not import. What annotations say replaces what
    folders say.
    """
    is_annotated = annotated.is_used
    for folder in folders:
        start = "".join(f"{part}/" for part in folder.parts)
        if not layout.holds(folder.parts):
            reason = Reason.CHOSEN if layout.use_of(folder.parts) else Reason.LOOSE
            for name, _, _ in folder.files:
                tally.skip(readable(start + name), reason)
            continue
        place = layout.place(folder.parts)
        for name, size_bytes, modified_ns in folder.files:
            path = readable(start + name)
            label, split = annotated.place(path, place) if is_annotated else place
            yield ScannedFile(number, path, size_bytes, modified_ns, label, split)


def read_files(roots: Sequence[Path], files: Sequence[ScannedFile]) -> Work[list[ImageRow]]:
    """Read header and hash of each file, in order; rows of unusable files have a problem.

    Objects at an address are fetched, and kept in the cache.

    Raises:
        UnreachableStoreError: The server of an address is away or refuses the credentials.
    """
    rows: list[ImageRow] = []
    readers = [_read_object if is_remote(root) else _read_local for root in roots]
    count, size = (FETCHERS, FETCH_CHUNK) if _read_object in readers else (READERS, CHUNK)
    chunks = [files[start : start + size] for start in range(0, len(files), size)]
    with ThreadPoolExecutor(count) as threads:
        for start in range(0, len(chunks), count):
            for batch in threads.map(
                lambda chunk: [readers[file.root](roots[file.root], file) for file in chunk],
                chunks[start : start + count],
            ):
                rows += batch
            yield Progress(len(rows), len(files), "reading images")
    return rows


def columns_of(header: ImageHeader) -> dict[str, Any]:
    """Return the columns of an image that are read from its header."""
    return {name: column.read(header) for name, column in ROW_COLUMNS.items() if column.read}


def _read_local(root: Path, file: ScannedFile) -> ImageRow:
    return _read_file(f"{root}/{file.path}", file)  # Joining paths takes as long as hashing


def _read_object(root: Path, file: ScannedFile) -> ImageRow:
    if file.size_bytes > MAX_OBJECT_BYTES:
        too_large = file_too_large(file.path, file.size_bytes, MAX_OBJECT_BYTES)
        return _row(file, UNREADABLE, EMPTY_SHA256, too_large.problem)
    try:
        with fetched(root, file.path) as content:
            row = _read_file(content, file)
            if row.problem is None:
                keep(content, file_of(root, file.path, row.sha256))
            return row
    except UnreachableStoreError:  # Of all images, not of this one
        raise
    except UnfetchedImageError as error:
        return _row(file, UNREADABLE, EMPTY_SHA256, error.problem)


def _read_file(path: str | Path, file: ScannedFile) -> ImageRow:
    try:
        file.path.encode()
        if file.size_bytes <= READ_AT_ONCE_BYTES:
            with open(path, "rb") as opened:
                content = opened.read()
            header = read_header(BytesIO(content), name=file.path.rpartition("/")[2])
            sha256 = hashlib.sha256(content).hexdigest()
        else:
            header = read_header(Path(path))  # First, because it limits the size
            sha256 = sha256_of(Path(path))
    except UnreadableImageError as error:
        return _row(file, UNREADABLE, EMPTY_SHA256, error.problem)
    except FileNotFoundError:
        exists_under_that_name = "\\x" not in file.path
        gone = "It was deleted while it was read; rescan the dataset."
        unnamed = "Its name is not valid UTF-8; rename the file."
        return _row(file, UNREADABLE, EMPTY_SHA256, gone if exists_under_that_name else unnamed)
    except OSError as error:
        return _row(file, UNREADABLE, EMPTY_SHA256, f"It cannot be read ({error.strerror}).")
    return _row(file, header, sha256, None)


def _row(file: ScannedFile, header: ImageHeader, sha256: str, problem: str | None) -> ImageRow:
    return ImageRow(**file._asdict(), sha256=sha256, problem=problem, **columns_of(header))
