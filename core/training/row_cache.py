"""Array in a .npy file, whose rows are read and written by position.

The file is not memory-mapped: mapped pages count as the process's memory, up to the whole file.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
