"""Members of an untrusted zip."""

import os
import posixpath
import stat
import zipfile
from collections.abc import Iterator, Sequence
from functools import partial
from typing import BinaryIO

from core.datasets.image_names import is_image_name
from core.datasets.importing.archive_budget import UNPACK_YOURSELF, Budget
from core.datasets.importing.archive_member import DAMAGED, Kind, Member, damaged
from core.datasets.importing.archive_names import decode_names
from core.datasets.importing.uploads import MAX_IMAGE_BYTES
from core.errors import WorkbenchError

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""The only methods in general use, and the only ones that zipfile unpacks only as far as requested:
4 kB of bzip2 become 90 MB in memory."""

LOCKED = 1 << 0
"""Flag of an encrypted entry (APPNOTE.TXT, 4.4.4)."""

DIRECTORY_ENTRY = b"PK\x01\x02"
"""First bytes of each entry in a zip's directory (APPNOTE.TXT, 4.3.12)."""

LOCAL_HEADER_BYTES = 30
"""Fewest bytes of the header before each entry (APPNOTE.TXT, 4.3.7)."""

MAX_LINK_BYTES = 4096
"""Longest target of a link (PATH_MAX on Linux)."""


def read_zip(
    stream: BinaryIO, head: bytes, label: str, budget: Budget, encoding: str
) -> Iterator[Member]:
    """Yield the members of a zip, which begins with `head`; see `read_members`."""
    opened = _open_zip(stream, head, label, budget)
    entries = [entry for entry in opened.infolist() if not _is_folder(entry)]
    names = decode_names(entries, encoding)
    _check_overlaps(entries, label)
    planned = sum(entry.file_size for entry in entries if _is_planned(entry))
    budget.check(budget.num_bytes + planned)
    for number, (entry, name) in enumerate(zip(entries, names, strict=True)):
        kind = _kind_of(entry.external_attr >> 16)
        target = _target_of(opened, entry) if kind == Kind.LINK else ""
        yield Member(
            name=name,
            kind=kind,
            num_bytes=entry.file_size,
            done=number / len(entries),
            open=partial(opened.open, entry),
            target=target,
            problem=""
            if entry.compress_type in METHODS
            else "Its compression method is not supported; use Deflate.",
            is_locked=bool(entry.flag_bits & LOCKED),
        )


def _open_zip(stream: BinaryIO, head: bytes, label: str, budget: Budget) -> zipfile.ZipFile:
    """Open an archive, unless that would need too much memory."""
    pieces = iter(lambda: stream.read(1 << 20), b"")
    budget.add_entries(sum(piece.count(DIRECTORY_ENTRY) for piece in pieces))
    stream.seek(0)
    try:
        return zipfile.ZipFile(stream)
    except UnicodeDecodeError as error:
        problem, advice = "has an entry whose name is not valid UTF-8", "Rename that file"
        raise WorkbenchError(f"{label} {problem}.", f"{advice} and pack it again.") from error
    except DAMAGED as error:
        if head.startswith(b"PK"):
            raise damaged(label) from error
        raise WorkbenchError(
            f"{label} is not a zip or tar archive.",
            "Give a zip, tar, tar.gz or tar.bz2, or unpack it and import the folder.",
        ) from error


def _is_folder(entry: zipfile.ZipInfo) -> bool:
    return entry.orig_filename.endswith(("/", "\\")) or stat.S_ISDIR(entry.external_attr >> 16)


def _is_planned(entry: zipfile.ZipInfo) -> bool:
    """Return whether an entry may be unpacked: an image that is not too large by itself."""
    return (
        is_image_name(posixpath.basename(entry.orig_filename))
        and entry.file_size <= MAX_IMAGE_BYTES
    )


def _kind_of(mode: int) -> Kind:
    if stat.S_ISLNK(mode):
        return Kind.LINK
    return Kind.FILE if stat.S_IFMT(mode) in (0, stat.S_IFREG) else Kind.OTHER


def _target_of(opened: zipfile.ZipFile, entry: zipfile.ZipInfo) -> str:
    """Return the path that a link leads to; empty if it is none."""
    if entry.file_size > MAX_LINK_BYTES or entry.compress_type not in METHODS:
        return ""
    try:
        with opened.open(entry) as file:
            return os.fsdecode(file.read(MAX_LINK_BYTES))
    except DAMAGED:
        return ""


def _check_overlaps(entries: Sequence[zipfile.ZipInfo], label: str) -> None:
    """Raise if entries share bytes: a few kilobytes could then be unpacked to any size."""
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < end:
            raise WorkbenchError(
                f"{label} cannot be unpacked safely: its entries overlap.", UNPACK_YOURSELF
            )
        if entry.compress_size:
            end = entry.header_offset + LOCAL_HEADER_BYTES + entry.compress_size
