"""An array in a file whose rows are read and written by place.

The file is never mapped: pages of a map count as the process's own memory, up to all of the file.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


class RowCache:
    """(N, …) values of one type in a .npy file; for one thread."""

    def __init__(self, path: Path, *, writable: bool = False) -> None:
        """Open the file, which holds no objects."""
        mapped = np.lib.format.open_memmap(path, mode="r")
        self.shape: tuple[int, ...] = mapped.shape
        self.dtype: np.dtype[Any] = mapped.dtype
        self._start: int = mapped.offset
        self._row_bytes = int(np.prod(self.shape[1:])) * self.dtype.itemsize
        self._file = path.open("r+b" if writable else "rb", buffering=0)

    @classmethod
    def create(cls, path: Path, shape: tuple[int, ...], dtype: type[np.generic]) -> "RowCache":
        """Make a file of zeros, which takes room only where rows are written."""
        np.lib.format.open_memmap(path, "w+", dtype, shape)
        return cls(path, writable=True)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, places: NDArray[np.int64]) -> NDArray[Any]:
        """Return the rows at (B,) places."""
        rows = np.empty((len(places), *self.shape[1:]), self.dtype)
        for row, place in zip(rows, places, strict=True):
            self._seek(int(place))
            if self._file.readinto(row.data) != self._row_bytes:
                raise OSError(f"{self._file.name} is shorter than it says")
        return rows

    def __setitem__(self, places: NDArray[np.int64], rows: NDArray[Any]) -> None:
        """Write (B, …) rows at (B,) places."""
        for row, place in zip(np.ascontiguousarray(rows, self.dtype), places, strict=True):
            self._seek(int(place))
            self._file.write(row.data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _seek(self, place: int) -> None:
        if not 0 <= place < len(self):
            raise IndexError(f"row {place} of {len(self)}")
        self._file.seek(self._start + place * self._row_bytes)
