"""Image files, told by name and type: those that can be read, and those in other formats."""

import os
import stat

from core.datasets.tally import Reason
from core.images.formats import EXTENSIONS, UNSUPPORTED_EXTENSIONS

UNSUPPORTED = (
    *UNSUPPORTED_EXTENSIONS,
    *(".raw", ".ai", ".hdr", ".ras", ".nii", ".svs", ".ndpi", ".czi", ".lif"),
)
"""Suffixes of images in other formats, in lower case; those in `EXTENSIONS` are read."""


def is_image_name(name: str) -> bool:
    """Return whether a file is visible and named like an image that can be read."""
    return name.lower().endswith(EXTENSIONS) and name[0] != "."


def why_not_image(name: str) -> Reason:
    """Return why a file of another name is no image."""
    return Reason.UNSUPPORTED if name.lower().endswith(UNSUPPORTED) else Reason.OTHER


def is_image_file(entry: "os.DirEntry[str]") -> bool:
    """Decide by name and type only: pipes, devices and links are never opened."""
    return is_image_name(entry.name) and entry.is_file(follow_symlinks=False)


def why_no_image(entry: "os.DirEntry[str]") -> Reason:
    """Return why an entry of a folder, which is no link, is no image."""
    is_file = entry.is_file(follow_symlinks=False)
    return why_not_image(entry.name) if is_file else Reason.SPECIAL


def why_no_linked_image(entry: "os.DirEntry[str]", found: os.stat_result) -> Reason | None:
    """Return why a link is no image, by the status of what it leads to; None if it is one."""
    if not stat.S_ISREG(found.st_mode):
        return Reason.SPECIAL
    if not is_image_name(entry.name):
        return why_not_image(entry.name)
    return None if os.access(entry.path, os.R_OK) else Reason.UNREADABLE
