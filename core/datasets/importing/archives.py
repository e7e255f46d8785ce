"""Unpacking a stranger's zip: only its images, only into one folder, and within limits.

Which entries are images is the business of `archive_entries.py`, what becomes of them that of
`bring_in.py`.
"""

import errno
import os
import shutil
import time
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from core.artifacts.folders import draft
from core.datasets.importing import caltech
from core.datasets.importing.archive_entries import look_into
from core.datasets.importing.reading import REPORT_EVERY_S
from core.datasets.importing.rejected import Rejected
from core.datasets.layout import readable
from core.errors import MissingError, WorkbenchError
from core.files import FULL_DISK, sync_folder
from core.images.decoding import EXTENSIONS
from core.progress import Progress, Work

MAX_ARCHIVE_BYTES = 1 << 30
"""An upload is held in memory, some three times over; an owner of more has it as a folder too."""

MAX_ENTRIES = 500_000
"""Python's zipfile holds 600 bytes for each, all of them before it says how many there are: 300 MB.
Tiny ImageNet has 120,000 images, and macOS adds a hidden entry to each."""

MAX_UNPACKED_BYTES = 10 << 30
"""Ten times the archive: images hardly shrink in a zip, but BMP and TIFF files may."""

MAX_RATIO = 100
"""Unpacked to packed bytes of the whole, as Apache POI's ZipSecureFile has it for a zip bomb. Asked
only above MAX_ARCHIVE_BYTES unpacked, which any archive may hold: drawings as BMP reach 1,000."""

DIRECTORY_ENTRY = b"PK\x01\x02"
"""What each entry in a zip's directory begins with (APPNOTE.TXT, 4.3.12)."""

DAMAGED = (*caltech.DAMAGED, OSError, OverflowError)
"""What zipfile raises for a damaged directory or entry; the last two for impossible places."""

UNFIT_NAME = (
    *(errno.EEXIST, errno.ENOTDIR, errno.EISDIR),
    *(errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ),
)
"""How a disk says that it cannot have a file of that name: one is there (perhaps in other case),
or the name is too long or of letters that it does not take."""

UNPACK_YOURSELF = "Unpack it yourself and choose its folder, or make several archives of it."


@dataclass(frozen=True, kw_only=True, slots=True)
class Unpacked:
    """What came of an archive."""

    num_images: int
    """Files written."""

    num_passed_over: int
    """Files that are no images by their names, are hidden, or are what systems leave behind."""

    rejected: tuple[Rejected, ...]
    """Images that were left out."""


def unpack(archive: Path | BinaryIO, target: Path, name: str | None = None) -> Work[Unpacked]:
    """Write the images of a zip into the folder `target`, in their folders; all or nothing.

    Damaged or too large images are refused one by one; whatever is no image is passed over.

    Args:
        archive: A file, or a stream that can seek; the stream stays open.
        target: Appears whole, or not at all.
        name: What error messages call the archive; the file's own name if left out.

    Raises:
        MissingError: The file is not there.
        WorkbenchError: It is no zip, is locked, damaged, too large or without images, would write
            outside its folder, or does not fit on the disk.
    """
    label = name or (readable(archive.name) if isinstance(archive, Path) else "The archive")
    yield Progress(0, 0, f"looking into {label}")
    try:
        with (
            _stream_of(archive, label) as stream,
            _read_directory(stream, label) as opened,
            draft(target.parent) as folder,
        ):
            entries, rejected, num_passed_over = look_into(opened.infolist(), label)
            num_bytes = sum(entry.file_size for entry in entries.values())
            free_bytes = shutil.disk_usage(folder).free
            _check_sizes(num_bytes, stream.seek(0, os.SEEK_END), free_bytes, label)
            num_images = yield from _extract(opened, entries, rejected, folder)
            if not num_images:
                raise _without_images(rejected, label)
            if hasattr(os, "sync"):
                os.sync()  # Once, in place of once an image
            folder.rename(target)
    except OSError as error:
        reason = "the disk is full" if error.errno in FULL_DISK else error.strerror or error
        raise WorkbenchError(
            f"{label} could not be unpacked: {reason}.",
            "Check that the disk has room and may be written to, then try again.",
        ) from error
    sync_folder(target.parent)
    return Unpacked(
        num_images=num_images, num_passed_over=num_passed_over, rejected=tuple(rejected)
    )


def _stream_of(archive: Path | BinaryIO, label: str) -> AbstractContextManager[BinaryIO]:
    if not isinstance(archive, Path):
        return nullcontext(archive)
    if not os.path.isfile(archive):
        raise MissingError(f"There is no file {label}.", "Check the path and try again.")
    return archive.open("rb")


def _read_directory(stream: BinaryIO, label: str) -> zipfile.ZipFile:
    """Open an archive, unless that would take too much memory."""
    num_bytes = stream.seek(0, os.SEEK_END)
    if num_bytes > MAX_ARCHIVE_BYTES:
        problem = f"{label} has {_gib(num_bytes)}; at most {_gib(MAX_ARCHIVE_BYTES)} are taken."
        raise WorkbenchError(problem, UNPACK_YOURSELF)
    stream.seek(0)
    pieces = iter(lambda: stream.read(1 << 20), b"")
    if sum(piece.count(DIRECTORY_ENTRY) for piece in pieces) > MAX_ENTRIES:
        raise WorkbenchError(f"{label} has more than {MAX_ENTRIES:,} entries.", UNPACK_YOURSELF)
    stream.seek(0)
    begins_as_zip = stream.read(2) == b"PK"
    try:
        return zipfile.ZipFile(stream)
    except UnicodeDecodeError as error:
        problem, advice = "has an entry whose name is not valid UTF-8", "Rename that file"
        raise WorkbenchError(f"{label} {problem}.", f"{advice} and pack it again.") from error
    except DAMAGED as error:
        problem = "is damaged or was cut off" if begins_as_zip else "is not a zip archive"
        advice = "Copy or pack it again, or unpack it yourself and choose its folder."
        raise WorkbenchError(f"{label} {problem}.", advice) from error


def _check_sizes(num_bytes: int, archive_bytes: int, free_bytes: int, label: str) -> None:
    """Raise if what is to be written is too much; nothing else is unpacked, whatever it claims."""
    if num_bytes > max(MAX_ARCHIVE_BYTES, MAX_RATIO * archive_bytes):
        problem = f"{label} would grow to {num_bytes / archive_bytes:,.0f} times its size."
        advice = "If you trust it, unpack it yourself and choose its folder."
    elif num_bytes > MAX_UNPACKED_BYTES:
        most = _gib(MAX_UNPACKED_BYTES)
        problem = f"{label} holds {_gib(num_bytes)} of images; at most {most} are unpacked."
        advice = UNPACK_YOURSELF
    elif num_bytes > free_bytes:
        problem = f"{label} needs {_gib(num_bytes)} unpacked; {_gib(free_bytes)} are free."
        advice = "Make room on the disk, then try again."
    else:
        return
    raise WorkbenchError(problem, advice)


def _extract(
    opened: zipfile.ZipFile,
    images: Mapping[str, zipfile.ZipInfo],
    rejected: list[Rejected],
    folder: Path,
) -> Work[int]:
    """Write images into a folder, add those that could not be to `rejected`; return how many."""
    num_images, reported = 0, 0.0
    for done, (path, entry) in enumerate(images.items()):
        if time.monotonic() - reported > REPORT_EVERY_S:
            reported = time.monotonic()
            yield Progress(done, len(images), "unpacking images")
        if problem := _unpack_one(opened, entry, folder / path):
            rejected.append(Rejected(path, problem))
        else:
            num_images += 1
    yield Progress(len(images), len(images), "unpacking images")
    return num_images


def _unpack_one(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> str:
    """Write one image; return why that could not be done, nothing if it was."""
    try:
        with opened.open(entry) as packed:
            content = packed.read(entry.file_size + 1)  # Behind its end zipfile looks at the CRC
    except DAMAGED:
        return "It is damaged in the archive; pack it again."
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(content)
    except OSError as error:
        if error.errno not in UNFIT_NAME:
            raise
        return f"Its name cannot be used on this disk ({error.strerror}); rename it."
    return ""


def _without_images(rejected: Sequence[Rejected], label: str) -> WorkbenchError:
    if rejected:
        path, problem = rejected[0].path[:80], rejected[0].problem
        return WorkbenchError(
            f"No image of {label} can be used.", f"The first is {path}: {problem}"
        )
    return WorkbenchError(
        f"{label} holds no images.",
        f"Give a zip of images ({', '.join(sorted(EXTENSIONS))}) or of folders with them;"
        " archives inside it are not unpacked.",
    )


def _gib(num_bytes: int) -> str:
    return f"{num_bytes / (1 << 30):.1f} GiB"
