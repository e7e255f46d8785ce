"""Unpacking of an untrusted archive: only its images, only into one folder, and within limits.

`archive_members.py` reads zips and tars, `archive_entries.py` decides which entries are images, and
`archive_walk.py` goes through them.
"""

import errno
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.artifacts.folders import draft
from core.datasets.importing.archive_budget import Budget
from core.datasets.importing.archive_member import DAMAGED
from core.datasets.importing.archive_walk import walk
from core.datasets.layout import readable
from core.datasets.tally import Rejected, Tally
from core.errors import MissingError, WorkbenchError
from core.files import FULL_DISK, sync_folder
from core.images.formats import EXTENSIONS
from core.progress import Progress, Work

UNFIT_NAME = (
    *(errno.EEXIST, errno.ENOTDIR, errno.EISDIR),
    *(errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ),
)
"""Error numbers for a file name that a disk does not allow: it exists (perhaps in other case), is
too long, or has invalid characters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unpacked:
    """Result of unpacking an archive."""

    num_images: int
    """Number of images written."""

    rejected: tuple[Rejected, ...]
    """Images that were not unpacked."""

    skipped: Tally
    """Files that are no images, hidden, or of operating systems."""


@dataclass(slots=True)
class _Disk:
    """A folder that the images of an archive are written into."""

    folder: Path
    rejected: list[Rejected] = field(default_factory=list)
    skipped: Tally = field(default_factory=Tally)
    num_images: int = 0
    is_full: bool = False

    def add(self, path: str, read: Callable[[], bytes]) -> bool:
        """Write one image; return whether it was written."""
        try:
            content = read()
        except DAMAGED:
            self.reject(path, "It is damaged in the archive; pack it again.")
            return False
        is_written = self._write(path, content)
        self.num_images += is_written
        return is_written

    def annotate(self, path: str, read: Callable[[], bytes]) -> None:
        """Write a file that may annotate images; the scan of the folder counts it."""
        try:
            content = read()
        except DAMAGED:
            self.reject(path, "It is damaged in the archive; pack it again.")
            return
        self._write(path, content)

    def _write(self, path: str, content: bytes) -> bool:
        try:
            target = self.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                file.write(content)
        except OSError as error:
            if error.errno not in UNFIT_NAME:
                raise
            reason = f"Its name cannot be used on this disk ({error.strerror}); rename it."
            self.reject(path, reason)
            return False
        return True

    def content(self, path: str) -> bytes:
        """Return an image that was written."""
        return (self.folder / path).read_bytes()

    def reject(self, path: str, problem: str) -> None:
        """Note an image that is not written."""
        self.rejected.append(Rejected(readable(path), problem))


def unpack(archive: Path, target: Path, *, encoding: str = "") -> Work[Unpacked]:
    """Write the images of an archive into the new folder `target`, in their folders.

    All or nothing, but damaged or too large images are rejected one by one, and other files are
    skipped. Links within the archive become copies. If it holds no images, the archives inside it
    are unpacked.

    Args:
        archive: A zip, tar, tar.gz or tar.bz2.
        target: The new folder.
        encoding: Encoding of names that are not marked as UTF-8; by default it is detected.

    Raises:
        MissingError: The file is not there.
        WorkbenchError: It is no archive, or is encrypted, damaged, unsafe, too large, without
            images, or larger than the free space.
    """
    label = readable(archive.name)
    yield Progress(0, 0, f"looking into {label}")
    if not os.path.isfile(archive):
        raise MissingError(f"There is no file {label}.", "Check the path and try again.")
    try:
        with archive.open("rb") as stream, draft(target.parent) as folder:
            disk = _Disk(folder)
            size = stream.seek(0, os.SEEK_END)
            budget = Budget(label, size, shutil.disk_usage(folder).free)
            yield from walk(stream, disk, budget, encoding, folder)
            if not disk.num_images:
                raise without_images(disk.rejected, disk.skipped, label)
            if hasattr(os, "sync"):
                os.sync()  # Once, in place of once an image
            folder.rename(target)
    except OSError as error:
        reason = "the disk is full" if error.errno in FULL_DISK else error.strerror or error
        raise WorkbenchError(
            f"{label} could not be unpacked: {reason}.",
            "Check the free disk space and permissions, then try again.",
        ) from error
    sync_folder(target.parent)
    return Unpacked(num_images=disk.num_images, rejected=tuple(disk.rejected), skipped=disk.skipped)


def without_images(rejected: Sequence[Rejected], skipped: Tally, label: str) -> WorkbenchError:
    """Return the error for an archive of which no image can be used."""
    if rejected:
        path, problem = rejected[0].path[:80], rejected[0].problem
        return WorkbenchError(
            f"No image of {label} can be used.", f"The first is {path}: {problem}"
        )
    found = ", ".join(f"{count:,} {reason}" for reason, count in skipped.counts.most_common(3))
    return WorkbenchError(
        f"{label} holds no images.",
        f"Give an archive of images ({', '.join(sorted(EXTENSIONS))}) or of folders with them."
        + (f" Skipped: {found}." if found else ""),
    )
