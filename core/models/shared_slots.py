"""Memory that other processes fill and this one reads: arrays of one shape, used again and again.

New memory for each batch would cost more than what is written into it, and a graphics card reads
these where they lie.
"""

import math
import mmap
import weakref
from collections import deque

import numpy as np
from numpy.typing import NDArray

from core.models.devices import Device


class SharedSlots:
    """A number of uint8 arrays, shared with the processes that are forked from this one."""

    def __init__(self, count: int, shape: tuple[int, ...], device: Device) -> None:
        """Make room for `count` arrays; what nobody writes to takes none.

        Args:
            count: How many.
            shape: Of each.
            device: What they are read by.
        """
        self.shape = shape
        self._size = math.prod(shape)
        self._stride = -(-self._size // mmap.PAGESIZE) * mmap.PAGESIZE  # Whole pages are pinned
        self._memory = mmap.mmap(-1, count * self._stride)
        self._free = deque(range(count))
        self._device = device
        self._pinned: dict[int, bool] = {}

    def take(self) -> int:
        """Return a slot that is free, to be filled.

        Raises:
            IndexError: None is.
        """
        return self._free.popleft()

    def array(self, slot: int) -> NDArray[np.uint8]:
        """Return a slot's array, whatever is in it."""
        return self._flat(slot).reshape(self.shape)

    def lend(self, slot: int) -> NDArray[np.uint8]:
        """Return the array of a slot that was filled; the slot is free when nobody holds it.

        One slot stays free always: for want of another, what is returned is a copy.
        """
        if slot not in self._pinned:  # Now that it is filled: to find it memory takes as long
            self._pinned[slot] = self._device.pin(self._flat(slot))
        if not self._free:
            self._free.append(slot)
            return self.array(slot).copy()
        flat = self._flat(slot)
        weakref.finalize(flat, self._free.append, slot).atexit = False
        return flat.reshape(self.shape)  # Each view of it, too, holds `flat`

    def unpin(self) -> None:
        """End what a card knows of this memory, which is to be done before it goes."""
        for slot, is_pinned in self._pinned.items():
            if is_pinned:
                self._device.unpin(self._flat(slot))
        self._pinned.clear()

    def _flat(self, slot: int) -> NDArray[np.uint8]:
        return np.frombuffer(self._memory, np.uint8, self._size, slot * self._stride)
