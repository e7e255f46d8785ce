"""Tally of a search for image files: its limits, and what it has found and skipped."""

import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum

from core.datasets.annotations.file_names import is_candidate_name

MAX_LISTED = 100_000
"""Most skipped files that are listed by path; all are counted."""

MAX_ANNOTATIONS = 1000


class Reason(StrEnum):
    """Why a file of a source is not imported."""

    OTHER = "not an image"
    UNSUPPORTED = "unsupported image format"
    HIDDEN = "hidden"
    SYSTEM = "system file or folder"
    TOO_DEEP = "nested too deep"
    UNREADABLE = "cannot be read"
    SPECIAL = "pipe, socket or device"
    BROKEN = "broken link"
    LOOP = "link in a loop"
    REPEATED = "link to a folder that is read already"
    OUTSIDE = "link out of the allowed folders"
    NOT_FOLLOWED = "link"
    INNER = "archive inside an archive"
    LOOSE = "beside class folders"
    CHOSEN = "folder that is skipped"
    BACKGROUND = "clutter folder of Caltech-101"
    NAME = "name that cannot be used"
    ELSEWHERE = "address elsewhere"
    NO_IMAGE = "annotated, but no image of this source"
    ROW = "annotation that cannot be used"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A file of a source that was not imported."""

    path: str
    """Path in the source, with forward slashes; a number is appended to repeated ones."""

    problem: str
    """Why: a `Reason`, or a sentence."""


@dataclass(slots=True)
class Tally:
    """Limits of a search for files, and what it has found and skipped so far."""

    max_files: float = float("inf")
    until: float = float("inf")
    """Time of `time.monotonic` at which the search ends."""

    num_files: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    """Reason → number of skipped files."""

    rejected: list[Rejected] = field(default_factory=list)
    """The skipped files, at most `MAX_LISTED` of them."""

    annotations: list[str] = field(default_factory=list)
    """Paths of files that may annotate the images, at most `MAX_ANNOTATIONS` of them."""

    labels: list[str] = field(default_factory=list)
    """At an address, paths of the texts that may annotate one image each; on disk they are looked
    for beside the images."""

    def skip(self, path: str, reason: str, count: int = 1) -> None:
        """Note a file that is skipped, or as one a folder with a number of them."""
        self.counts[reason] += count
        if len(self.rejected) < MAX_LISTED:
            self.rejected.append(Rejected(path, reason))
        is_candidate = reason == Reason.OTHER and is_candidate_name(path.rpartition("/")[2])
        if is_candidate and len(self.annotations) < MAX_ANNOTATIONS:
            self.annotations.append(path)

    def use(self, paths: Collection[str]) -> None:
        """Take back that files were skipped: they annotate the images."""
        used = [each for each in self.rejected if each.path in paths]
        if used:
            self.counts.subtract(each.problem for each in used)
            self.counts += Counter()  # Without reasons that are left with no file
            self.rejected = [each for each in self.rejected if each.path not in paths]

    @property
    def is_full(self) -> bool:
        """Whether a limit is reached."""
        return self.num_files >= self.max_files or time.monotonic() > self.until
