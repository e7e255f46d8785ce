"""Listings of the files of a source that is not imported yet, within limits of time."""

import posixpath
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from core.datasets.annotations.file_names import may_annotate
from core.datasets.importing.archive_budget import Budget
from core.datasets.importing.archive_entries import safe_parts, why_skipped
from core.datasets.importing.archive_member import DAMAGED
from core.datasets.importing.archive_walk import walk
from core.datasets.importing.archives import without_images
from core.datasets.importing.listed_source import Listing
from core.datasets.importing.sources import folder_source
from core.datasets.importing.virtual_folders import virtual_folders
from core.datasets.layout import Reading, readable
from core.datasets.links import link_policy
from core.datasets.object_search import copy_annotations, find_images
from core.datasets.tally import Reason, Tally
from core.errors import MissingError, UnfetchedImageError, UnreadableImageError
from core.images.isolation import make_thumbnail
from core.net.object_cache import fetched
from core.net.object_paths import address_of, is_remote
from core.progress import finish

MAX_FILES = 200_000
MAX_SECONDS = 2.0
"""Limits of a listing; the import itself has none."""

MAX_REMOTE_SECONDS = 10.0
"""The same at an address."""

SIDE = 64
"""Longest side of a thumbnail in a preview, in pixels."""

PER_FOLDER, MAX_THUMBNAILS = 3, 240
"""Most thumbnails of a folder of an archive, and of all; they are made while it is read."""

ONE_FOLDER = 60
"""The same while all images are in one folder: its images may have several classes."""


def list_folder(path: Path, reading: Reading) -> Listing:
    """List the images of a folder, or at the address that it stands for.

    Raises:
        MissingError: There is no such folder, or it cannot be read.
        DownloadError: The address cannot be listed.
        WorkbenchError: It contains no images.
    """
    source = folder_source(path, reading)
    seconds = MAX_REMOTE_SECONDS if is_remote(source.root) else MAX_SECONDS
    tally = Tally(MAX_FILES, until=time.monotonic() + seconds)
    links = link_policy(is_on=reading.links)
    folders = find_images(source.root, frozenset(source.left_out), tally, links)
    is_complete, address = not tally.is_full, address_of(source.root)
    copies = _copies() if address else None
    if address and copies and is_complete:
        copy_annotations(address, tally, Path(copies.name))
    return Listing(
        folders=folders,
        tally=tally,
        thumbnail=lambda name: _thumbnail_of(source.root, name),
        root=Path(copies.name) if copies else source.root,
        copies=copies,
        is_complete=is_complete,
    )


def list_archive(stream: BinaryIO, name: str, reading: Reading) -> Listing:
    """List the images of an archive, as they would be unpacked.

    Raises:
        WorkbenchError: It is no archive, or is encrypted, damaged, unsafe, too large, or without
            images.
    """
    found = _Names(until=time.monotonic() + MAX_SECONDS)
    size = stream.seek(0, 2)
    budget = Budget(name, size, shutil.disk_usage(tempfile.gettempdir()).free)
    finish(walk(stream, found, budget, reading.encoding))
    if not found.names and not found.is_full:
        raise without_images([], found.skipped, name)
    return _listing(found, reading, is_complete=not found.is_full)


def list_archive_file(path: Path, reading: Reading) -> Listing:
    """List the images of an archive on disk, as they would be unpacked.

    Raises:
        MissingError: There is no such file.
        WorkbenchError: As `list_archive`.
    """
    if not path.is_file():
        label = readable(path.name)
        raise MissingError(f"There is no file {label}.", "Check the path and try again.")
    with path.open("rb") as stream:
        return list_archive(stream, readable(path.name), reading)


def list_upload(names: Sequence[str], read: Callable[[int], BinaryIO], reading: Reading) -> Listing:
    """List the images of an uploaded folder.

    Each name begins with that of the folder, which is no class; `read` opens the file of a number.
    """
    found = _Names(until=time.monotonic() + MAX_SECONDS)
    for number, name in enumerate(names):
        parts = (safe_parts(name) or ())[1:]
        path, reason = "/".join(parts), why_skipped(parts)
        if reason is None:
            found.add(path, partial(_content, read, number))
        elif reason == Reason.OTHER and may_annotate(parts[-1]):
            found.annotate(path, partial(_content, read, number))
        else:
            found.skipped.skip(path or name, reason)
    return _listing(found, reading, is_complete=True)


def _content(read: Callable[[int], BinaryIO], number: int) -> bytes:
    file = read(number)
    file.seek(0)
    return file.read()


def _listing(found: "_Names", reading: Reading, *, is_complete: bool) -> Listing:
    folders, start = virtual_folders(found.names, found.skipped, reading)
    annotations = found.skipped.annotations
    found.skipped.annotations = [
        path.removeprefix(start) for path in annotations if path.startswith(start)
    ]
    return Listing(
        root=Path(found.copies.name) / start,
        copies=found.copies,
        folders=folders,
        tally=found.skipped,
        thumbnail=lambda path: found.thumbnails.get(start + path),
        is_complete=is_complete,
    )


def _copies() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="annotations-")


@dataclass(slots=True)
class _Names:
    """The names of the images of an archive, and thumbnails of some."""

    until: float
    names: list[str] = field(default_factory=list)
    thumbnails: dict[str, bytes] = field(default_factory=dict)
    per_folder: Counter[str] = field(default_factory=Counter)
    skipped: Tally = field(default_factory=Tally)
    copies: "tempfile.TemporaryDirectory[str]" = field(default_factory=_copies)

    @property
    def num_images(self) -> int:
        return len(self.names)

    @property
    def is_full(self) -> bool:
        return time.monotonic() > self.until or len(self.names) >= MAX_FILES

    def add(self, path: str, read: Callable[[], bytes]) -> bool:
        self.names.append(path)
        folder = posixpath.dirname(path)
        has_room = len(self.thumbnails) < MAX_THUMBNAILS and not self.is_full
        most = PER_FOLDER if len(self.per_folder) > 1 else ONE_FOLDER
        if self.per_folder[folder] < most and has_room:
            self.per_folder[folder] += 1
            try:
                thumbnail = _thumbnail(BytesIO(read()))
            except DAMAGED:  # Listed by the import
                thumbnail = None
            if thumbnail:
                self.thumbnails[path] = thumbnail
        return True

    def annotate(self, path: str, read: Callable[[], bytes]) -> None:
        known = len(self.skipped.annotations)
        self.skipped.skip(path, Reason.OTHER)
        if self.is_full:
            del self.skipped.annotations[known:]
            return
        target = Path(self.copies.name) / path
        with suppress(*DAMAGED):  # Listed by the import; OSError: a name that no disk takes
            content = read()
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)

    def content(self, path: str) -> bytes:
        return self.thumbnails.get(path, b"")

    def reject(self, path: str, problem: str) -> None:
        self.skipped.skip(path, problem)


def _thumbnail_of(root: Path, name: str) -> bytes | None:
    try:
        with fetched(root, name) as file:
            return _thumbnail(file)
    except UnfetchedImageError:
        return None


def _thumbnail(source: Path | BytesIO) -> bytes | None:
    try:
        return make_thumbnail(source, SIDE)
    except UnreadableImageError:
        return None
