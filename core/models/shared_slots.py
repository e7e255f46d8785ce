"""Shared memory that forked processes fill and this one reads: reusable arrays of one shape.

Allocating memory for each batch takes longer than filling it, and these arrays can be pinned, so
that a graphics card reads them without a copy.
"""

import math
import mmap
import weakref
from collections import deque

import numpy as np
from numpy.typing import NDArray

from core.models.devices import Device


class SharedSlots:
    """uint8 arrays, shared with the processes that are forked from this one."""

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
        self._memory = mmap.mmap(-1, count * self._stride)
        self._free = deque(range(count))
        self._device = device
        self._pinned: dict[int, bool] = {}

    def take(self) -> int:
        """Return a free slot, to be filled.

        Raises:
            IndexError: No slot is free.
        """
        return self._free.popleft()

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
        return np.frombuffer(self._memory, np.uint8, self._size, slot * self._stride)
