"""Shared memory that other processes fill and this one reads: reusable arrays of one shape.

Allocating memory for each batch takes longer than filling it, and these arrays can be pinned, so
that a graphics card reads them without a copy.
"""

import math
import mmap
import os
import tempfile
import weakref
from collections import deque
from typing import IO

import numpy as np
from numpy.typing import NDArray

from core.images.isolation import SharedMemory
from core.models.devices import Device


class SharedSlots:
    """uint8 arrays in a file in memory, which other processes open."""

    def __init__(self, count: int, shape: tuple[int, ...], device: Device) -> None:
        """Reserve memory for `count` arrays; pages take room once they are written.

        Args:
            count: Number of arrays.
            shape: Shape of each.
            device: The device that reads them.
        """
        self.shape = shape
        self._size = math.prod(shape)
        self._stride = -(-self._size // mmap.PAGESIZE) * mmap.PAGESIZE  # Whole pages are pinned
        self._file, path = _memory_file()
        os.ftruncate(self._file.fileno(), count * self._stride)
        self._mapped = mmap.mmap(self._file.fileno(), count * self._stride)
        self.memory = SharedMemory(path=path, inode=os.fstat(self._file.fileno()).st_ino)
        """Where other processes write. It exists as long as this object."""

        self._free = deque(range(count))
        self._device = device
        self._pinned: dict[int, bool] = {}

    def take(self) -> int:
        """Return a free slot, to be filled.

        Raises:
            IndexError: No slot is free.
        """
        return self._free.popleft()

    def offset(self, slot: int) -> int:
        """Return the position of a slot in the memory, in bytes."""
        return slot * self._stride

    def array(self, slot: int) -> NDArray[np.uint8]:
        """Return a slot's array with its current content."""
        return self._flat(slot).reshape(self.shape)

    def lend(self, slot: int) -> NDArray[np.uint8]:
        """Return a filled slot's array; the slot is free again when no view of it is left.

        One slot always stays free: if this was the last one, a copy is returned.
        """
        if (
            slot not in self._pinned
        ):  # Not earlier: pinning would allocate its pages, which takes as long
            self._pinned[slot] = self._device.pin(self._flat(slot))
        if not self._free:
            self._free.append(slot)
            return self.array(slot).copy()
        flat = self._flat(slot)
        weakref.finalize(flat, self._free.append, slot).atexit = False
        return flat.reshape(self.shape)  # Its views hold `flat`, too

    def unpin(self) -> None:
        """Unpin the memory, which is necessary before it is freed."""
        for slot, is_pinned in self._pinned.items():
            if is_pinned:
                self._device.unpin(self._flat(slot))
        self._pinned.clear()

    def _flat(self, slot: int) -> NDArray[np.uint8]:
        return np.frombuffer(self._mapped, np.uint8, self._size, self.offset(slot))


def _memory_file() -> "tuple[IO[bytes], str]":
    """Create a file without a place on the disk, where the system can, and return its path."""
    if hasattr(os, "memfd_create"):  # /dev/shm of a container has only 64 MB
        handle = os.memfd_create("decoded-images")
        return os.fdopen(handle, "r+b"), f"/proc/{os.getpid()}/fd/{handle}"
    file = tempfile.NamedTemporaryFile()  # noqa: SIM115 - open as long as the object that holds it
    return file, file.name
