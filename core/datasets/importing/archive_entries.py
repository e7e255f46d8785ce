"""Entries of an untrusted archive: which are images, unsafe, or skipped and why."""

from collections.abc import Sequence
from pathlib import PureWindowsPath

from core.datasets.folder_names import is_hidden, is_system_name
from core.datasets.image_names import is_image_name, why_not_image
from core.datasets.importing.uploads import MAX_IMAGE_BYTES
from core.datasets.layout import MAX_DEPTH
from core.datasets.tally import Reason
from core.errors import WorkbenchError

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz")
"""Suffixes of archives that are unpacked, in lower case."""


def parts_of(name: str, label: str) -> tuple[str, ...]:
    """Return the parts of the path of an entry.

    Raises:
        WorkbenchError: It is unsafe; packing images makes no such entries.
    """
    parts = safe_parts(name)
    if parts is None:
        fault = "would be written outside its folder"
    elif "\0" in name:
        fault = "hides a part of its name"
    else:
        return parts
    raise WorkbenchError(
        f"{label} cannot be unpacked safely: its entry “{printable(name[:80])}” {fault}.",
        "Create a new archive with the image folders only.",
    )


def safe_parts(name: str) -> tuple[str, ...] | None:
    """Return the parts of a relative path, or None if it leads out of its folder."""
    path = PureWindowsPath(name)  # Recognizes drives and backslashes
    return None if path.anchor or ".." in path.parts else path.parts


def why_skipped(parts: Sequence[str]) -> Reason | None:
    """Return why a file is no image to import, by its path as in `file_search`; None for images."""
    if any(map(is_system_name, parts)):
        return Reason.SYSTEM
    if any(map(is_hidden, parts)):
        return Reason.HIDDEN
    if not parts or not is_image_name(parts[-1]):
        return why_not_image(parts[-1]) if parts else Reason.OTHER
    return None


def why_too_large(num_bytes: int) -> str:
    """Return why an image is rejected by its size; empty if it is not."""
    if num_bytes <= MAX_IMAGE_BYTES:
        return ""
    return f"It is larger than {MAX_IMAGE_BYTES / 1e6:.0f} MB; save a smaller copy."


def why_too_deep(parts: Sequence[str]) -> str:
    """Return why an image is rejected by its path; empty if it is not."""
    if len(parts) - 1 > MAX_DEPTH:
        return f"It is nested more than {MAX_DEPTH} folders deep."
    return ""


def is_archive_name(name: str) -> bool:
    """Return whether a file is named like an archive that can be unpacked."""
    return name.lower().endswith(ARCHIVES)


def stem_of_archive(name: str) -> str:
    """Return the name of an archive without the suffixes that say so."""
    suffix = max((each for each in ARCHIVES if name.lower().endswith(each)), key=len, default="")
    return name[: len(name) - len(suffix)] or name


def printable(text: str) -> str:
    """Return text with the bytes that are no characters in hexadecimal."""
    return text.encode(errors="backslashreplace").decode()
