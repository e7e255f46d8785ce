"""Unpacking of an untrusted zip: only its images, only into one folder, and within limits.

`archive_entries.py` decides which entries are images.
"""

import errno
import os
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from core.artifacts.folders import draft
from core.datasets.importing import caltech
from core.datasets.importing.archive_entries import read_entries
from core.datasets.importing.reading import Rejected
from core.datasets.layout import readable
from core.errors import MissingError, WorkbenchError
from core.files import FULL_DISK, sync_folder
from core.images.decoding import EXTENSIONS
from core.progress import Progress, Work

MAX_ARCHIVE_BYTES = 1 << 30
"""Most bytes of an archive; an upload is in memory about three times. Larger sets are folders."""

MAX_ENTRIES = 500_000
"""Most entries; zipfile needs 600 bytes for each before it returns their number: 300 MB. Tiny
ImageNet has 120,000 images, and macOS adds a hidden entry to each."""

MAX_UNPACKED_BYTES = 10 << 30
"""Ten times the archive: most images hardly shrink in a zip, but BMP and TIFF files may."""

MAX_RATIO = 100
"""Largest ratio of unpacked to packed bytes, as in Apache POI's ZipSecureFile. It applies only
above MAX_ARCHIVE_BYTES unpacked, because drawings as BMP reach 1,000."""

DIRECTORY_ENTRY = b"PK\x01\x02"
"""First bytes of each entry in a zip's directory (APPNOTE.TXT, 4.3.12)."""

DAMAGED = (*caltech.DAMAGED, OSError, OverflowError)
"""Exceptions of zipfile for a damaged directory or entry; the last two for impossible offsets."""

UNFIT_NAME = (
    *(errno.EEXIST, errno.ENOTDIR, errno.EISDIR),
    *(errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ),
)
"""Error numbers for a file name that a disk does not allow: it exists (perhaps in other case), is
too long, or has invalid characters."""

UNPACK_YOURSELF = "Unpack it yourself and choose its folder, or make several archives of it."


@dataclass(frozen=True, kw_only=True, slots=True)
class Unpacked:
    """Result of unpacking an archive."""

    num_images: int
    """Number of images written."""

    num_ignored: int
    """Number of files that are not named like images, are hidden, or are of operating systems."""

    rejected: tuple[Rejected, ...]
    """Images that were not unpacked."""


def unpack(archive: Path, target: Path) -> Work[Unpacked]:
    """Write the images of a zip into the new folder `target`, in their folders; all or nothing.

    Damaged or too large images are rejected one by one; other files are ignored.

    Raises:
        MissingError: The file is not there.
        WorkbenchError: It is not a zip, or is encrypted, damaged, unsafe, too large, without
            images, or larger than the free space.
    """
    label = readable(archive.name)
    yield Progress(0, 0, f"looking into {label}")
    if not os.path.isfile(archive):
        raise MissingError(f"There is no file {label}.", "Check the path and try again.")
    try:
        with (
            archive.open("rb") as stream,
            _read_directory(stream, label) as opened,
            draft(target.parent) as folder,
        ):
            entries, rejected, num_ignored = read_entries(opened.infolist(), label)
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
    return Unpacked(num_images=num_images, num_ignored=num_ignored, rejected=tuple(rejected))


def _read_directory(stream: BinaryIO, label: str) -> zipfile.ZipFile:
    """Open an archive, unless that would need too much memory."""
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
    """Raise if the images are too large; no more than these bytes is unpacked."""
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
    """Write images into a folder, append failed ones to `rejected`; return the number written."""
    num_images = 0
    for done, (path, entry) in enumerate(images.items()):
        yield Progress(done, len(images), "unpacking images")
        if problem := _unpack_one(opened, entry, folder / path):
            rejected.append(Rejected(path, problem))
        else:
            num_images += 1
    yield Progress(len(images), len(images), "unpacking images")
    return num_images


def _unpack_one(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> str:
    """Write one image; return why it failed, or an empty text."""
    try:
        with opened.open(entry) as packed:
            content = packed.read(entry.file_size + 1)  # Past the end zipfile checks the CRC
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
