"""Entries of an untrusted zip: which are images, and which are unsafe."""

import stat
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import PureWindowsPath

from core.datasets.importing.reading import Rejected
from core.datasets.importing.uploads import MAX_IMAGE_BYTES
from core.datasets.layout import CLUTTER, MAX_DEPTH
from core.errors import WorkbenchError
from core.images.decoding import EXTENSIONS

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""The only methods in general use, and the only ones that zipfile unpacks only as far as requested:
4 kB of bzip2 become 90 MB in memory."""

LOCKED, UTF8_NAME = 1 << 0, 1 << 11
"""Flags of an entry (APPNOTE.TXT, 4.4.4)."""


def read_entries(
    entries: Sequence[zipfile.ZipInfo], label: str
) -> tuple[dict[str, zipfile.ZipInfo], list[Rejected], int]:
    """Return path → image, the rejected images, and the number of other files.

    Raises:
        WorkbenchError: An entry is unsafe or encrypted.
    """
    images: dict[str, zipfile.ZipInfo] = {}
    rejected, num_ignored = [], 0
    times_named: Counter[str] = Counter()
    for entry in entries:
        parts = _parts_of(entry, label)
        if not _is_image(parts):
            num_ignored += not entry.orig_filename.endswith(("/", "\\"))
            continue
        if entry.flag_bits & LOCKED:
            advice = "Unlock it first, or unpack it yourself and choose its folder."
            raise WorkbenchError(f"{label} is locked with a password.", advice)
        path = "/".join(parts)
        times_named[path] += 1
        if (number := times_named[path]) > 1:
            rejected.append(Rejected(f"{path} ({number})", "It is in the archive more than once."))
        elif problem := _why_not(entry, parts):
            rejected.append(Rejected(path, problem))
        else:
            images[path] = entry
    return images, rejected, num_ignored


def _parts_of(entry: zipfile.ZipInfo, label: str) -> tuple[str, ...]:
    """Return the parts of the path of an entry.

    Raises:
        WorkbenchError: It is unsafe; packing images makes no such entries.
    """
    name = _name_of(entry)
    path = PureWindowsPath(name)  # Recognizes drives and backslashes
    if path.anchor or ".." in path.parts:
        fault = "would be written outside its folder"
    elif stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        fault = "is a link or a device"
    elif "\0" in name:
        fault = "hides a part of its name"
    else:
        return path.parts
    raise WorkbenchError(
        f"{label} is not safe to unpack: its entry “{entry.filename[:80]}” {fault}.",
        "Make a new archive of nothing but the folders with the images.",
    )


def _name_of(entry: zipfile.ZipInfo) -> str:
    """Return the name of an entry; macOS writes UTF-8 without the flag for it."""
    if entry.flag_bits & UTF8_NAME:
        return entry.orig_filename
    try:
        return entry.orig_filename.encode("cp437").decode()
    except UnicodeDecodeError:
        return entry.orig_filename


def _is_image(parts: Sequence[str]) -> bool:
    """Decide by name as `layout.find_files` does; files that it ignores are not unpacked."""
    skipped = any(part.startswith(".") or part in CLUTTER for part in parts)
    return bool(parts) and not skipped and parts[-1].lower().endswith(EXTENSIONS)


def _why_not(entry: zipfile.ZipInfo, parts: Sequence[str]) -> str:
    """Return why an image is rejected; empty if it is not."""
    if entry.file_size > MAX_IMAGE_BYTES:
        return f"It is larger than {MAX_IMAGE_BYTES / 1e6:.0f} MB; save a smaller copy."
    if entry.compress_type not in METHODS:
        return "It is packed by a rare method; pack it as an ordinary zip (Deflate)."
    if len(parts) - 1 > MAX_DEPTH:
        return f"It lies more than {MAX_DEPTH} folders deep; move it up."
    return ""
