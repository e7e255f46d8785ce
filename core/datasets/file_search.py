"""Search for the image files of a source: which files, and what is skipped and why."""

import errno
import os
import stat
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from core.datasets.folder_names import is_hidden, is_system_name
from core.datasets.image_names import is_image_file, why_no_image, why_no_linked_image
from core.datasets.layout import BACKGROUND, MAX_DEPTH, readable
from core.datasets.links import LinkPolicy, is_below, link_policy
from core.datasets.tally import Reason, Tally
from core.errors import MissingError, WorkbenchError
from core.images.formats import EXTENSIONS

MAX_REPEATS = 16
"""How often links within linked folders may lead to one folder: without a limit, folders of links
to each other would grow without end."""

FoundFile = tuple[str, int, int]
"""A file named like an image: name, bytes, modification time in ns.

A plain tuple, because there may be millions: Python's garbage collector ignores such tuples."""


@dataclass(frozen=True, slots=True)
class FoundFolder:
    """A folder that directly contains such files."""

    parts: tuple[str, ...]
    """Names of the folders from the root down to this one; () is the root."""

    files: list[FoundFile]


def existing_folder(path: Path) -> Path:
    """Return the path of a folder, with `~` expanded.

    Raises:
        MissingError: There is no such folder.
    """
    folder = Path(os.path.expanduser(path))  # Path's own raises for "~nobody"
    if os.path.isfile(folder):
        raise MissingError(f"{folder} is a file, not a folder.", "Give the folder that it is in.")
    if not os.path.isdir(folder):  # Also False for invalid names
        raise MissingError(f"There is no folder {folder}.", "Check the path and try again.")
    return folder


def find_files(
    root: Path,
    left_out: frozenset[str] = frozenset(),
    tally: Tally | None = None,
    links: LinkPolicy | None = None,
) -> list[FoundFolder]:
    """Return the files under `root` that are named like images, by folder, sorted by path.

    Args:
        root: The folder.
        left_out: Names of folders to skip.
        tally: Gets what is skipped. With limits the search ends at them, and takes folders beside
            each other in turns.
        links: Which links are followed; by default those that the environment allows.

    Raises:
        MissingError: `root` is not there or cannot be read.
        WorkbenchError: It contains no images.
    """
    if not root.is_dir():
        raise MissingError(f"There is no folder {root}.", "Check the path and try again.")
    try:
        os.scandir(root).close()
    except OSError as error:
        raise MissingError(
            f"The folder {root} cannot be read.", "Check its permissions and try again."
        ) from error
    tally = tally or Tally()
    search = _Search(os.path.realpath(root), left_out, tally, links or link_policy())
    folders = list(search.walk(_Place(os.fspath(root), (), (search.root,))))
    if not folders and not tally.is_full:
        raise WorkbenchError(f"The folder {root} holds no images.", advice(tally))
    return sorted(folders, key=lambda folder: folder.parts) if search.has_limits else folders


def advice(tally: Tally) -> str:
    """Return what to do about a source without images, with what was skipped in it."""
    kinds = f"Give a folder with images ({', '.join(sorted(EXTENSIONS))}) or with class folders."
    if not tally.counts:
        return kinds
    skipped = ", ".join(f"{count:,} {reason}" for reason, count in tally.counts.most_common(3))
    return f"{kinds} Skipped: {skipped}."


@dataclass(frozen=True, slots=True)
class _Place:
    """A folder that is searched."""

    path: str
    parts: tuple[str, ...]
    chain: tuple[str, ...]
    """Real paths of the root, of the folders that hold the links on the way, and of itself."""

    def below(self, name: str) -> "_Place":
        real = f"{self.chain[-1].rstrip(os.sep)}{os.sep}{name}"
        path = f"{self.path}{os.sep}{name}"
        return _Place(path, (*self.parts, name), (*self.chain[:-1], real))

    def linked(self, name: str, target: str) -> "_Place":
        return _Place(f"{self.path}{os.sep}{name}", (*self.parts, name), (*self.chain, target))


@dataclass(slots=True)
class _Search:
    """A search below one root."""

    root: str
    """Its real path."""

    left_out: frozenset[str]
    tally: Tally
    links: LinkPolicy
    nested: Counter[str] = field(default_factory=Counter)
    """Real path of a folder → how often links within linked folders led to it."""

    @property
    def has_limits(self) -> bool:
        """Whether the search may end early."""
        return self.tally.max_files != float("inf") or self.tally.until != float("inf")

    def walk(self, place: _Place) -> Iterator[FoundFolder]:
        """Yield a folder and its subfolders by name; plain strings, because there may be many."""
        files: list[FoundFile] = []
        below: list[_Place] = []
        has_limits = self.has_limits
        try:
            with os.scandir(place.path) as entries:
                for entry in entries:
                    if has_limits and self.tally.is_full:
                        break
                    if is_image_file(entry):
                        files.append(_as_found(entry))
                        self.tally.num_files += 1
                    else:
                        self._other(entry, place, files, below)
        except OSError:  # No permission, or deleted meanwhile: the rest of the dataset is usable
            self.tally.skip(_path_of(place.parts, ""), Reason.UNREADABLE)
        if files:
            yield FoundFolder(place.parts, sorted(files))
        below.sort(key=lambda each: each.parts[-1])
        walks = (self.walk(each) for each in below)
        yield from _in_turns(deque(walks)) if self.has_limits else chain.from_iterable(walks)

    def _other(
        self, entry: "os.DirEntry[str]", place: _Place, files: list[FoundFile], below: list[_Place]
    ) -> None:
        """Add what is no plain image file: a folder, a link, or a file that is skipped."""
        is_folder = entry.is_dir(follow_symlinks=False)
        reason = self._why_skipped(entry.name, is_folder, place)
        if reason is not None and is_folder:
            self._skip_folder(entry.path, (*place.parts, entry.name), reason)
        elif is_folder:
            below.append(place.below(entry.name))
        elif entry.is_symlink():
            self._link(entry, place, files, below)
        else:
            reason = reason or why_no_image(entry)
            self.tally.skip(_path_of(place.parts, entry.name), reason)

    def _why_skipped(self, name: str, is_folder: bool, place: _Place) -> str | None:
        if name in self.left_out:
            return Reason.BACKGROUND if name == BACKGROUND else name
        if is_system_name(name):
            return Reason.SYSTEM
        if is_hidden(name):
            return Reason.HIDDEN
        return Reason.TOO_DEEP if is_folder and len(place.parts) >= MAX_DEPTH else None

    def _skip_folder(self, path: str, parts: tuple[str, ...], reason: str) -> None:
        """Note all files of a folder that is skipped, without opening them."""
        for parent, _, names in os.walk(path):
            inner = os.path.relpath(parent, path)
            start = parts if inner == os.curdir else (*parts, *inner.split(os.sep))
            for name in sorted(names):
                self.tally.skip(_path_of(start, name), reason)
            if self.has_limits and self.tally.is_full:
                return

    def _link(
        self, entry: "os.DirEntry[str]", place: _Place, files: list[FoundFile], below: list[_Place]
    ) -> None:
        """Follow a link to a file or a folder, or note why it is not followed."""
        path = _path_of(place.parts, entry.name)
        try:
            found = os.stat(entry.path)
            target = os.path.realpath(entry.path)
        except OSError as error:
            reasons = {errno.ELOOP: Reason.LOOP, errno.EACCES: Reason.UNREADABLE}
            self.tally.skip(path, reasons.get(error.errno or 0, Reason.BROKEN))
            return
        is_folder = stat.S_ISDIR(found.st_mode)
        reason = self._why_skipped(entry.name, is_folder, place)
        reason = reason or self.links.problem(target, self.root)
        if reason is None and not is_folder:
            reason = why_no_linked_image(entry, found)
        elif reason is None:
            reason = self._why_no_folder(target, place)
        if reason is not None:
            self.tally.skip(path, reason)
        elif is_folder:
            below.append(place.linked(entry.name, target))
        else:
            files.append((entry.name, found.st_size, found.st_mtime_ns))

    def _why_no_folder(self, target: str, place: _Place) -> Reason | None:
        """Return why a link to a folder is not followed: it would never end."""
        if any(is_below(real, (target,)) for real in place.chain):
            return Reason.LOOP
        if len(place.chain) > 1:
            self.nested[target] += 1
        return Reason.REPEATED if self.nested[target] > MAX_REPEATS else None


def _in_turns(walks: deque[Iterator[FoundFolder]]) -> Iterator[FoundFolder]:
    """Yield a folder of each walk in turn, so that a limit leaves none of them out."""
    while walks:
        walk = walks.popleft()
        if (found := next(walk, None)) is not None:
            yield found
            walks.append(walk)


def _path_of(parts: tuple[str, ...], name: str) -> str:
    return readable("/".join((*parts, name)))


def _as_found(entry: "os.DirEntry[str]") -> FoundFile:
    info = entry.stat(follow_symlinks=False)
    return entry.name, info.st_size, info.st_mtime_ns
