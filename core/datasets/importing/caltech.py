"""Caltech-101: its folder of classes, and its download from the publisher."""

import os
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from core.artifacts.folders import draft, remove_stale_drafts
from core.errors import DownloadError, MissingError
from core.files import sync_folder
from core.net.downloads import download
from core.progress import Progress, Work
from core.workspace import Workspace

CATEGORIES = "101_ObjectCategories"
PLACES = (CATEGORIES, f"caltech101/{CATEGORIES}", f"caltech-101/{CATEGORIES}")
"""Paths to the class folders from a folder above, as the publisher or torchvision unpacks them."""

URL = "https://data.caltech.edu/records/mzrjq-6wc02/files/caltech-101.zip"
MD5 = "3138e1922a9193bfa496528edbbc45d0"
"""As in torchvision."""

URL_VARIABLE = "WORKBENCH_CALTECH_URL"
MD5_VARIABLE = "WORKBENCH_CALTECH_MD5"
"""Environment variables for a mirror, and for an archive of one's own."""

ARCHIVE = "caltech-101.zip"
INNER = f"{CATEGORIES}.tar.gz"
MAX_FILES = 50_000
MAX_FILE_BYTES = 64 << 20
MAX_BYTES = 2 << 30
"""Limits of unpacking; Caltech-101 has 9,145 files with 131 MB."""

PIECE = 1 << 20
DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    EOFError,
    KeyError,
    ValueError,
    RuntimeError,
    NotImplementedError,
)
"""Exceptions of zipfile and tarfile for damaged, encrypted or hostile archives."""


def find_root(folder: Path) -> Path:
    """Return the folder of Caltech-101's class folders.

    It is `folder` itself, or below it as the archive or torchvision unpacks it.

    Raises:
        MissingError: There is none.
    """
    if _has_folders(folder) and CATEGORIES in (folder.name, folder.resolve().name):
        return folder
    for place in PLACES:
        if _has_folders(folder / place):
            return folder / place
    raise MissingError(
        f"There is no Caltech-101 in {folder}.",
        f"Choose the folder {CATEGORIES} with its class folders, or the one that it is in.",
    )


def fetch(workspace: Workspace, target: Path) -> Work[Path]:
    """Download and unpack Caltech-101 into a new folder `target`, unless it exists; return it.

    It is complete or missing, with `101_ObjectCategories` in it.

    Raises:
        DownloadError: The download or the unpacking failed.
    """
    if _has_folders(target / CATEGORIES):
        return target
    url = os.environ.get(URL_VARIABLE) or URL
    md5 = os.environ.get(MD5_VARIABLE) or MD5
    archive = yield from download(url, workspace.downloads / ARCHIVE, md5=md5)
    remove_stale_drafts(target.parent)
    try:
        with draft(target.parent) as folder:
            yield from _unpack(archive, folder)
            if not _has_folders(folder / CATEGORIES):
                raise _unusable("there are no images in it")
            if hasattr(os, "sync"):
                os.sync()  # Once, in place of nine thousand times
            folder.rename(target)
    except DAMAGED as error:
        raise _unusable("it is damaged") from error
    except OSError as error:
        raise DownloadError(
            f"Caltech-101 could not be unpacked into {target}: {error.strerror or error}.",
            "Free disk space or choose another folder, then try again; the archive is kept.",
        ) from error
    sync_folder(target.parent)
    archive.unlink(missing_ok=True)
    return target


def _has_folders(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(entry.is_dir() for entry in entries)
    except (OSError, ValueError):  # Missing, no folder, not permitted, or an invalid name
        return False


def _unpack(archive: Path, folder: Path) -> Work[None]:
    """Write the images into `folder`; other files of the archive are ignored."""
    num_files, num_bytes = 0, 0
    with zipfile.ZipFile(archive) as outer:
        entries = outer.infolist()  # The archive is beside annotations and files of macOS
        inner = next((each for each in entries if PurePosixPath(each.filename).name == INNER), None)
        if inner is None:
            raise _unusable(f"there is no {INNER} in it")
        with outer.open(inner) as stream, tarfile.open(fileobj=stream, mode="r|gz") as tar:
            for member in tar:
                yield Progress(stream.tell(), inner.file_size, "unpacking Caltech-101")
                if not _is_image(member):
                    continue
                num_files, num_bytes = num_files + 1, num_bytes + member.size
                if num_files > MAX_FILES or num_bytes > MAX_BYTES or member.size > MAX_FILE_BYTES:
                    raise _unusable("it holds far more than Caltech-101")
                tar.extract(member, folder, set_attrs=False, filter="data")
            while stream.read(PIECE):  # After the tar's end; the checksum is compared last
                if stream.tell() > MAX_BYTES:
                    raise _unusable("it holds far more than Caltech-101")
            yield Progress(inner.file_size, inner.file_size, "unpacking Caltech-101")


def _is_image(member: tarfile.TarInfo) -> bool:
    """Return whether an entry is a regular, visible file in a class folder.

    Raises:
        DownloadError: It would be written outside the folder that is unpacked into.
    """
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        raise _unusable("it would write outside its folder")
    in_class = len(path.parts) == 3 and path.parts[0] == CATEGORIES
    return in_class and member.isreg() and not any(p.startswith(".") for p in path.parts)


def _unusable(reason: str) -> DownloadError:
    return DownloadError(
        f"The archive of Caltech-101 cannot be used: {reason}.",
        "Unpack one yourself and choose its folder, or use the publisher’s.",
    )
