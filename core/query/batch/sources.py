"""Images of a batch query: those in a folder or in a zip."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.datasets.file_search import find_files
from core.datasets.importing.archives import unpack
from core.datasets.layout import readable
from core.datasets.tally import Rejected
from core.errors import MissingError
from core.progress import Work

PATHS_AT_ONCE = 4096
"""Images whose paths are in memory at once: a path takes five times its name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchImages:
    """The images to search by, in order of path."""

    root: Path
    """The folder that holds them."""

    names: list[str]
    """Paths relative to `root`, with forward slashes, as on disk."""

    rejected: tuple[Rejected, ...] = ()
    """Images of a zip that were not unpacked."""

    @property
    def count(self) -> int:
        """Number of images, rejected ones included."""
        return len(self.names) + len(self.rejected)

    def chunks(self) -> Iterator[list[str]]:
        """Yield the names, some at a time."""
        for start in range(0, len(self.names), PATHS_AT_ONCE):
            yield self.names[start : start + PATHS_AT_ONCE]


def check_source(path: Path) -> Path:
    """Return the path of a folder or file, with `~` expanded.

    Raises:
        MissingError: There is neither a folder nor a file.
    """
    source = Path(os.path.expanduser(path))  # Path's own raises for "~nobody"
    if not (os.path.isdir(source) or os.path.isfile(source)):
        raise MissingError(
            f"There is no folder or zip {readable(str(source))}.", "Check the path and try again."
        )
    return source


def find_images(source: Path, target: Path) -> Work[BatchImages]:
    """Find the images in a folder, or unpack those of a zip into the new folder `target`.

    A folder is read like that of a dataset: no hidden files, only image suffixes.

    Raises:
        MissingError: There is no such folder or file.
        WorkbenchError: It holds no images, or the zip cannot be used (see `archives.unpack`).
    """
    source = check_source(source)
    if os.path.isdir(source):
        return BatchImages(root=source, names=_names_under(source))
    unpacked = yield from unpack(source, target)
    return BatchImages(root=target, names=_names_under(target), rejected=unpacked.rejected)


def _names_under(root: Path) -> list[str]:
    return [
        "/".join((*folder.parts, name))
        for folder in find_files(root)
        for name, _, _ in folder.files
    ]
