"""A member of an untrusted archive: a file or link in a zip or tar."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import IO

from core.datasets.importing import caltech
from core.errors import WorkbenchError

DAMAGED = (*caltech.DAMAGED, OSError, OverflowError)
"""Exceptions of zipfile and tarfile for a damaged directory or entry; the last two for impossible
offsets."""


class Kind(StrEnum):
    """What a member is."""

    FILE = "file"
    LINK = "link"
    OTHER = "other"
    """A pipe, socket or device."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """An entry of an archive that is no folder."""

    name: str
    """Its path as the archive has it, which may be unsafe."""

    kind: Kind
    num_bytes: int
    """Size that the archive claims."""

    done: float
    """Share of the archive that is before it, in [0, 1]."""

    open: Callable[[], IO[bytes]]
    """Opens its content, until the next member is read."""

    target: str = ""
    """Path that a link leads to, relative to the archive's root if `is_hard`, else to the link."""

    is_hard: bool = False
    problem: str = ""
    """Why it cannot be unpacked, as a sentence."""

    is_locked: bool = False
    """Whether it is encrypted."""


def damaged(label: str) -> WorkbenchError:
    """Return the error for an archive that cannot be read to its end."""
    advice = "Copy or pack it again, or unpack it and import the folder."
    return WorkbenchError(f"{label} is damaged or was cut off.", advice)
