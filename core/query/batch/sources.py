"""Which images a batch is about: those under a folder, or those that a zip holds."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.datasets.importing.archives import unpack
from core.datasets.importing.rejected import Rejected
from core.datasets.layout import find_files, readable
from core.errors import MissingError
from core.progress import Work

PATHS_AT_ONCE = 4096
"""Files whose paths are held while they are answered: a path takes five times its name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Queries:
    """The images that are searched by, in order of path."""

    root: Path
    """The folder that they lie under."""

    names: list[str]
    """Of their files from `root` on, with forward slashes, as the disk has them."""

    rejected: tuple[Rejected, ...] = ()
    """Images of a zip that did not come out of it."""

    @property
    def count(self) -> int:
        """How many images there are, refused ones too."""
        return len(self.names) + len(self.rejected)

    def stretches(self) -> Iterator[list[str]]:
        """Yield the names, some at a time."""
        for start in range(0, len(self.names), PATHS_AT_ONCE):
            yield self.names[start : start + PATHS_AT_ONCE]


def check_source(path: Path) -> Path:
    """Return where a folder or file is that people name, `~` resolved.

    Raises:
        MissingError: There is neither a folder nor a file.
    """
    source = Path(os.path.expanduser(path))  # Path's own raises for "~nobody"
    if not (os.path.isdir(source) or os.path.isfile(source)):
        raise MissingError(
            f"There is no folder or zip {readable(str(source))}.", "Check the path and try again."
        )
    return source


def find_queries(source: Path, target: Path) -> Work[Queries]:
    """Find the images under a folder, or unpack those of a zip into the new folder `target`.

    A folder is walked as a dataset's is: no links, no hidden files, only what is called an image.

    Raises:
        MissingError: There is no such folder or file.
        WorkbenchError: It holds no images, or the zip cannot be used (see `archives.unpack`).
    """
    source = check_source(source)
    if os.path.isdir(source):
        return Queries(root=source, names=_names_under(source))
    unpacked = yield from unpack(source, target)
    return Queries(root=target, names=_names_under(target), rejected=unpacked.rejected)


def _names_under(root: Path) -> list[str]:
    return [
        "/".join((*folder.parts, name))
        for folder in find_files(root)
        for name, _, _ in folder.files
    ]
