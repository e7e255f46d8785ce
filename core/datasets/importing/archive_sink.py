"""What takes the files of an archive, and what was found in each archive on the way."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from core.datasets.annotations.file_names import MAX_JSON_BYTES, may_annotate
from core.datasets.importing.archive_entries import why_too_deep
from core.datasets.importing.archive_member import Member
from core.datasets.tally import Tally


class Sink(Protocol):
    """What takes the images of an archive: a folder, or a list for a preview."""

    skipped: Tally

    @property
    def num_images(self) -> int:
        """Number of images that were taken."""

    @property
    def is_full(self) -> bool:
        """Whether no more images are wanted."""

    def add(self, path: str, read: Callable[[], bytes]) -> bool:
        """Take an image; return whether it can be used."""

    def annotate(self, path: str, read: Callable[[], bytes]) -> None:
        """Take a file that may annotate images."""

    def content(self, path: str) -> bytes:
        """Return an image that was taken."""

    def reject(self, path: str, problem: str) -> None:
        """Note an image that cannot be used."""


@dataclass(slots=True)
class Level:
    """What was found in one archive."""

    label: str
    start: str
    """Path of its folder, with a slash at its end; empty for the outermost archive."""

    depth: int = 0
    """Number of archives that it is in."""

    times_named: Counter[str] = field(default_factory=Counter)
    taken: dict[str, None] = field(default_factory=dict)
    """Paths of its images, in their order."""

    links: list[tuple[str, Member]] = field(default_factory=list)
    inner: list[tuple[str, Path]] = field(default_factory=list)
    """Path of each archive inside it, and the temporary file with its content."""


def is_annotation(parts: Sequence[str], member: Member) -> bool:
    """Return whether a member may annotate images, and is read with them."""
    is_readable = not member.problem and not member.is_locked and not why_too_deep(parts)
    return may_annotate(parts[-1]) and is_readable and member.num_bytes <= MAX_JSON_BYTES
