"""Preview of an import: how the files of a source will be read."""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

from core.datasets.annotations.annotated import NOT_ANNOTATED, Annotated
from core.datasets.file_search import FoundFolder
from core.datasets.folder_names import Use, key_of
from core.datasets.importing.annotating import layout_beside, note_unused
from core.datasets.importing.listed_source import Listing
from core.datasets.layout import AS_RECOGNIZED, Labels, Layout, Place, Reading, readable
from core.datasets.tally import MAX_LISTED, Reason, Rejected, Tally

EXAMPLES = 3
"""Thumbnails of a class."""

MAX_SHOWN = 60
"""Most classes with thumbnails."""

MAX_SECONDS = 0.8
"""Time for thumbnails; classes that come later have none."""

WORKERS = 8
"""Threads that decode: Pillow's decoders release Python's lock."""

MAX_FOLDERS = 12
"""Most folders above those of classes whose use can be changed, if none names a split."""

NO_SPLIT = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class FolderPreview:
    """A folder whose use can be changed: one that names a split, or is beside those."""

    name: str
    use: Use
    num_images: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """What an import of a source would read."""

    layout: Layout
    classes: dict[str, dict[str, int]]
    """Class → split → number of images, sorted by class; without a split under `NO_SPLIT`."""

    unlabeled: dict[str, int]
    """The same of the images without a class."""

    folders: tuple[FolderPreview, ...]
    skipped: dict[str, int]
    """Reason → number of files that are not imported."""

    rejected: tuple[Rejected, ...]
    """These files, at most `MAX_LISTED` of them."""

    num_loose: int
    """Number of images beside class folders, whether they are imported or not."""

    examples: dict[str | None, tuple[str, ...]]
    """Class, or None for unlabeled images → paths of its first images."""

    annotated: Annotated = NOT_ANNOTATED
    """What annotation files or file names say."""

    is_complete: bool = True
    """Whether all files were seen; otherwise the numbers are those of the first ones."""

    @property
    def num_unlabeled(self) -> int:
        """Number of images without a class."""
        return sum(self.unlabeled.values())

    @property
    def num_images(self) -> int:
        """Number of images that would be imported."""
        return sum(sum(each.values()) for each in self.classes.values()) + self.num_unlabeled

    @property
    def splits(self) -> dict[str, int]:
        """Split that folders name → number of images."""
        total: Counter[str] = Counter(self.unlabeled)
        for counts in self.classes.values():
            total.update(counts)
        del total[NO_SPLIT]
        return dict(total)


def preview(listing: Listing, reading: Reading = AS_RECOGNIZED) -> Preview:
    """Return what an import of listed files would read.

    Raises:
        WorkbenchError: The reading names a folder that is not there, or its annotations cannot be
            used.
    """
    annotated = listing.annotated(reading)
    layout = layout_beside(annotated, listing.folders, reading)
    tally = Tally(counts=Counter(listing.tally.counts), rejected=list(listing.tally.rejected))
    note_unused(annotated, tally)
    seen = _Seen(layout, annotated, tally.counts, tally.rejected)
    for folder in listing.folders:
        seen.add(folder)
    unlabeled = seen.classes.pop(None, Counter())
    return Preview(
        layout=layout,
        classes={label: dict(seen.classes[label]) for label in sorted(map(str, seen.classes))},
        unlabeled=dict(unlabeled),
        folders=tuple(seen.changeable()),
        skipped={reason: count for reason, count in seen.skipped.items() if count},
        rejected=tuple(seen.rejected),
        num_loose=seen.num_loose,
        examples={label: tuple(paths) for label, paths in seen.examples.items()},
        annotated=annotated,
        is_complete=listing.is_complete,
    )


@dataclass(slots=True)
class _Seen:
    """What was counted of a listing so far."""

    layout: Layout
    annotated: Annotated
    skipped: Counter[str]
    rejected: list[Rejected]
    classes: dict[str | None, Counter[str]] = field(default_factory=dict)
    examples: dict[str | None, list[str]] = field(default_factory=dict)
    folders: Counter[str] = field(default_factory=Counter)
    """Folder at the level of the splits → number of images."""

    num_loose: int = 0

    def add(self, folder: FoundFolder) -> None:
        """Count the images of a folder."""
        layout, parts, count = self.layout, folder.parts, len(folder.files)
        names, use = layout.names_of(parts), layout.use_of(parts)
        if len(names) > layout.split_level:
            self.folders[readable(names[layout.split_level])] += count
        elif not names and layout.labels != Labels.NONE:
            self.num_loose += count
        paths = ("/".join((*parts, name)) for name, _, _ in folder.files)
        if not layout.holds(parts):
            reason = Reason.CHOSEN if use else Reason.LOOSE
            self.skipped[reason] += count
            room = MAX_LISTED - len(self.rejected)
            self.rejected += [Rejected(readable(path), reason) for path in islice(paths, room)]
            return
        place = layout.place(parts)
        if not self.annotated.is_used:
            self._count(place, count, paths)
            return
        for path in paths:
            self._count(self.annotated.place(readable(path), place), 1, iter((path,)))

    def _count(self, place: Place, count: int, paths: Iterator[str]) -> None:
        label, split = place
        self.classes.setdefault(label, Counter())[split or NO_SPLIT] += count
        known = self.examples.setdefault(label, [])
        known += islice(paths, EXAMPLES - len(known))

    def changeable(self) -> Iterator[FolderPreview]:
        """Yield the folders whose use can be changed."""
        uses = dict(self.layout.splits)
        are_all = self.layout.has_splits or (
            self.layout.labels == Labels.LEAF and len(self.folders) <= MAX_FOLDERS
        )
        for name, count in self.folders.items():
            if are_all or key_of(name) in uses:
                yield FolderPreview(
                    name=name, use=uses.get(key_of(name), Use.CLASS), num_images=count
                )


def thumbnails(listing: Listing, seen: Preview) -> dict[str | None, list[bytes]]:
    """Return class → thumbnails of its first images as JPEGs, as many as time allows."""
    until = time.monotonic() + MAX_SECONDS
    labels = [label for label in (None, *seen.classes) if label in seen.examples][:MAX_SHOWN]
    paths = [(label, path) for label in labels for path in seen.examples[label]]

    def make(path: str) -> bytes | None:
        return listing.thumbnail(path) if time.monotonic() < until else None

    with ThreadPoolExecutor(WORKERS) as workers:
        made = list(workers.map(make, (path for _, path in paths)))
    found: dict[str | None, list[bytes]] = {}
    for (label, _), jpeg in zip(paths, made, strict=True):
        if jpeg:
            found.setdefault(label, []).append(jpeg)
    return found
