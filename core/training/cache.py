"""Cache of arrays on disk: decoded images, and the output of a backbone's frozen blocks.

The arrays may be deleted at any time. To keep the folder within a budget, the least recently used
ones are deleted first. Arrays are .npy files whose rows are read and written by position, not
memory-mapped: mapped pages count as the process's memory, up to the whole file.
"""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.artifacts.folders import draft
from core.errors import DamagedArtifactError, WorkbenchError
from core.files import read_json, sync_file, write_json
from core.progress import Work
from core.workspace import Workspace


class RowCache:
    """(N, …) values of one type in a .npy file; not thread-safe."""

    def __init__(self, path: Path, *, writable: bool = False) -> None:
        """Open an existing file."""
        mapped = np.lib.format.open_memmap(path, mode="r")
        self.shape: tuple[int, ...] = mapped.shape
        self.dtype: np.dtype[Any] = mapped.dtype
        self._start: int = mapped.offset
        self._row_bytes = int(np.prod(self.shape[1:])) * self.dtype.itemsize
        self._file = path.open("r+b" if writable else "rb", buffering=0)

    @classmethod
    def create(cls, path: Path, shape: tuple[int, ...], dtype: type[np.generic]) -> "RowCache":
        """Create a sparse file of zeros, which takes space only where rows are written."""
        np.lib.format.open_memmap(path, "w+", dtype, shape)
        return cls(path, writable=True)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, positions: NDArray[np.int64]) -> NDArray[Any]:
        """Return the rows at (B,) positions."""
        rows = np.empty((len(positions), *self.shape[1:]), self.dtype)
        for row, position in zip(rows, positions, strict=True):
            self._seek(int(position))
            if self._file.readinto(row.data) != self._row_bytes:
                raise OSError(f"{self._file.name} is shorter than it says")
        return rows

    def __setitem__(self, positions: NDArray[np.int64], rows: NDArray[Any]) -> None:
        """Write (B, …) rows at (B,) positions."""
        for row, position in zip(np.ascontiguousarray(rows, self.dtype), positions, strict=True):
            self._seek(int(position))
            self._file.write(row.data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _seek(self, position: int) -> None:
        if not 0 <= position < len(self):
            raise IndexError(f"row {position} of {len(self)}")
        self._file.seek(self._start + position * self._row_bytes)


BUDGET_BYTES = 20 << 30
"""Largest size of the cache; Caltech-101 with the classic preset takes 2 GB."""

ARRAY = "array.npy"
PROBLEMS = "problems.json"
Fill = Callable[[RowCache], Work[dict[int, str]]]


def cached_array(
    workspace: Workspace, key: str, shape: tuple[int, ...], dtype: type[np.generic], fill: Fill
) -> Work[tuple[RowCache, dict[int, str]]]:
    """Return the array cached under `key`, computed by `fill` if it is missing.

    Args:
        workspace: The workspace of the cache.
        key: Identifies everything that the content depends on.
        shape: Shape of the array; its first axis counts images.
        dtype: Type of the array.
        fill: Fills the array, and returns row → reason for the rows that it could not compute.

    Returns:
        The array, and row → reason for its empty rows.

    Raises:
        DamagedArtifactError: What was cached is damaged.
        WorkbenchError: There is not enough space on the disk.
    """
    folder = workspace.features / hashlib.sha256(key.encode()).hexdigest()[:24]
    if not folder.exists():
        _free_space(workspace.features, int(np.prod(shape)) * np.dtype(dtype).itemsize)
        with draft(workspace.features) as private:
            array = RowCache.create(private / ARRAY, shape, dtype)
            try:
                problems = yield from fill(array)
            finally:
                array.close()
            sync_file(private / ARRAY)
            write_json(private / PROBLEMS, problems)
            _publish(private, folder)
    os.utime(folder)
    try:
        text = read_json(folder / PROBLEMS)
        return RowCache(folder / ARRAY), {int(row): str(reason) for row, reason in text.items()}
    except (OSError, EOFError, ValueError, AttributeError) as error:
        raise DamagedArtifactError(
            f"The training cache {folder} is damaged.", "Delete that folder; it is filled again."
        ) from error


def _publish(private: Path, folder: Path) -> None:
    try:
        private.rename(folder)
    except OSError:  # Another run cached the same meanwhile
        if not folder.exists():
            raise


def _free_space(parent: Path, needed: int) -> None:
    parent.mkdir(parents=True, exist_ok=True)
    cached = [folder for folder in parent.iterdir() if not folder.name.startswith(".")]
    cached.sort(key=lambda folder: folder.stat().st_mtime)
    total = sum(_size(folder) for folder in cached)
    while cached and (total + needed > BUDGET_BYTES or shutil.disk_usage(parent).free < needed):
        oldest = cached.pop(0)
        total -= _size(oldest)
        shutil.rmtree(oldest, ignore_errors=True)
    if shutil.disk_usage(parent).free < needed:
        raise WorkbenchError(
            f"The disk has too little space for the {needed / 1e9:.1f} GB that this run caches.",
            "Free some space, or choose smaller images.",
        )


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
