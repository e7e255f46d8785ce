"""Register of the collections that a workspace has on its Milvus server: a small file each.

A file is written before its collection is created and removed after it was dropped, so no
collection is forgotten, whenever a process is killed. Its time of modification is the time until
which the collection is in use: filling and searching put it off. What is not in use any more and
belongs to no index is dropped by the next change of any index (`core.indexes.deletion`).
"""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from core.workspace import Workspace

FOLDER = ".collections"
"""In the workspace's folder of indexes."""

FILLING_S = 3600.0
"""How long a half-filled collection waits for the build that continues it."""

SEARCHED_S = 60.0
"""How long after a search another of the same query may follow: one call takes 30 s at most."""

RESERVE_EVERY_S = 5.0
REPLACED = b"replaced"


@dataclass(frozen=True, slots=True)
class Entry:
    """The file of one collection."""

    path: Path

    @property
    def name(self) -> str:
        """Return the name of the collection."""
        return self.path.name

    @property
    def is_replaced(self) -> bool:
        """Return whether it was an index, and is to be dropped once nobody searches it."""
        try:
            return self.path.read_bytes() == REPLACED
        except FileNotFoundError:
            return False

    @property
    def unused_in(self) -> float:
        """Return in how many seconds it is not in use any more, 0 if it is not."""
        try:
            return max(0.0, self.path.stat().st_mtime - time.time())
        except FileNotFoundError:
            return 0.0

    def write(self) -> None:
        """Register the collection, which is about to be filled."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch()
        self.reserve(FILLING_S)

    def reserve(self, seconds: float) -> None:
        """Keep the collection for some seconds from now, unless it is kept longer.

        A reader of a workspace that it cannot write does not keep it.
        """
        if self.unused_in < seconds:
            self._use_until(time.time() + seconds)

    def replace(self) -> None:
        """Note that another collection takes its place; searches of it may go on."""
        if self.path.exists():  # Else it was built before there was a register
            self.path.write_bytes(REPLACED)
        else:
            self.write()
            self.path.write_bytes(REPLACED)
        self._use_until(time.time() + SEARCHED_S)

    def remove(self) -> None:
        """Remove the file of a collection that was dropped."""
        self.path.unlink(missing_ok=True)

    def _use_until(self, when: float) -> None:
        with suppress(OSError):
            os.utime(self.path, (when, when))


def entry_of(indexes: Path, name: str) -> Entry:
    """Return the entry of a collection, by the folder of the indexes of its workspace."""
    return Entry(indexes / FOLDER / name)


def entries(workspace: Workspace) -> Iterator[Entry]:
    """Yield the entry of each collection of a workspace."""
    folder = workspace.indexes / FOLDER
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        yield Entry(path)
