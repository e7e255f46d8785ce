"""Reading the files of a scan: header and content hash of each, many at a time.

Files are not decoded: whether one is whole to its end is the business of `check.py`.
"""

import hashlib
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from core.datasets.catalog import Found
from core.datasets.layout import FoundFolder, Layout, readable
from core.errors import UnreadableImageError
from core.files import sha256_of
from core.images.decoding import read_header
from core.progress import Progress, Work

READERS = 8
"""Threads that read and hash: they wait for the disk, and hashing lets go of Python's lock."""

CHUNK = 64
"""Files a thread reads between two looks at the clock."""

REPORT_EVERY_S = 0.1
READ_AT_ONCE_BYTES = 32 << 20
"""Up to this size a file is read once, for its header and its hash; above it in pieces."""

EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


class Seen(NamedTuple):
    """A file that the walk has come upon, and what its folder says of it."""

    root: int
    path: str
    size_bytes: int
    modified_ns: int
    label: str | None
    split: str | None


def walk_through(number: int, folders: Sequence[FoundFolder], layout: Layout) -> Iterator[Seen]:
    """Yield the files of the root of that number with class and split."""
    for folder in folders:
        if not layout.holds(folder.parts):
            continue
        label, split = layout.place(folder.parts)
        start = "".join(f"{part}/" for part in folder.parts)
        for name, size_bytes, modified_ns in folder.files:
            yield Seen(number, readable(start + name), size_bytes, modified_ns, label, split)


def read_files(roots: Sequence[Path], files: Sequence[Seen]) -> Work[list[Found]]:
    """Read header and hash of each file, in their order; what is no image says why."""
    found: list[Found] = []
    reported = 0.0
    chunks = [files[start : start + CHUNK] for start in range(0, len(files), CHUNK)]
    with ThreadPoolExecutor(READERS) as readers:
        for start in range(0, len(chunks), READERS):
            for batch in readers.map(
                lambda chunk: [_read(roots[seen.root], seen) for seen in chunk],
                chunks[start : start + READERS],
            ):
                found += batch
            if time.monotonic() - reported > REPORT_EVERY_S or len(found) == len(files):
                reported = time.monotonic()
                yield Progress(len(found), len(files), "reading images")
    return found


def _read(root: Path, seen: Seen) -> Found:
    try:
        seen.path.encode()
        path = root / seen.path
        if seen.size_bytes <= READ_AT_ONCE_BYTES:
            content = path.read_bytes()
            sha256 = hashlib.sha256(content).hexdigest()
            header = read_header(BytesIO(content), name=path.name)
        else:
            sha256, header = sha256_of(path), read_header(path)
    except UnreadableImageError as error:
        return without_picture(seen, error.problem)
    except FileNotFoundError:
        exists_under_that_name = "\\x" not in seen.path
        gone = "It vanished while it was being read; scan again."
        unnamed = "Its name is not valid UTF-8; rename the file."
        return without_picture(seen, gone if exists_under_that_name else unnamed)
    except OSError as error:
        return without_picture(seen, f"It cannot be read ({error.strerror}).")
    return _found(seen, header.width, header.height, sha256, None)


def without_picture(seen: Seen, problem: str) -> Found:
    """Return what is known of a file that cannot be used, for the reason given."""
    return _found(seen, 0, 0, EMPTY_SHA256, problem)


def _found(seen: Seen, width: int, height: int, sha256: str, problem: str | None) -> Found:
    return Found(
        root=seen.root,
        path=seen.path,
        folder_label=seen.label,
        width=width,
        height=height,
        size_bytes=seen.size_bytes,
        modified_ns=seen.modified_ns,
        sha256=sha256,
        problem=problem,
        split=seen.split,
    )
