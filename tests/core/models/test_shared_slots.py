"""Slots of shared memory are filled by other processes, and not reused while they are held."""

import mmap
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from core.models.batches import decode_batches
from core.models.devices import Device
from core.models.preprocessing import Preprocessing
from core.models.shared_slots import SharedSlots
from tests.factories.images import class_folders

INPUT = Preprocessing(image_size=32)
PROJECT = Path(__file__).parents[3]

PROCESSOR = Device("cpu", bfloat16=False)


@dataclass(frozen=True)
class Card(Device):
    """A card that records what is pinned, up to `ROOM` arrays."""

    ROOM: ClassVar[int] = 2
    pinned: list[int] = field(default_factory=list)
    """Address of each."""

    def pin(self, values: NDArray[np.generic]) -> bool:
        if len(self.pinned) == self.ROOM:
            return False
        self.pinned.append(values.ctypes.data)
        return True

    def unpin(self, values: NDArray[np.generic]) -> None:
        self.pinned.remove(values.ctypes.data)


WRITE = """
import sys
path, inode, offset = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
from core.images.tasks import _mapped
_mapped(path, inode)[offset:offset + 12] = bytes([7] * 12)
"""


def test_another_process_writes_into_a_slot() -> None:
    slots = SharedSlots(2, (3, 4), PROCESSOR)
    slots.take()
    slot = slots.take()
    memory = slots.memory
    arguments = [memory.path, str(memory.inode), str(slots.offset(slot))]
    subprocess.run([sys.executable, "-c", WRITE, *arguments], cwd=PROJECT, check=True)
    np.testing.assert_array_equal(slots.lend(slot), np.full((3, 4), 7))


def test_a_slot_is_free_when_no_view_of_it_is_left() -> None:
    slots = SharedSlots(2, (3, 4), PROCESSOR)
    lent = slots.lend(slots.take())
    view = lent[1:].transpose()
    other = slots.take()
    with pytest.raises(IndexError):
        slots.take()
    del lent
    with pytest.raises(IndexError):
        slots.take()
    del view
    assert slots.take() != other


def test_the_last_slot_is_lent_as_a_copy() -> None:
    slots = SharedSlots(2, (4,), PROCESSOR)
    first, second = slots.take(), slots.take()
    slots.array(first)[:] = 1
    slots.array(second)[:] = 2
    copy, lent = slots.lend(first), slots.lend(second)
    slots.array(slots.take())[:] = 3
    np.testing.assert_array_equal([copy, lent], [[1] * 4, [2] * 4])


def test_each_slot_is_pinned_once_until_it_is_unpinned() -> None:
    card = Card("cpu", bfloat16=False)
    slots = SharedSlots(4, (5, 3), card)
    for _ in range(8):
        lent = slots.lend(slots.take())
    assert len(card.pinned) == len(set(card.pinned)) == Card.ROOM
    assert all(address % mmap.PAGESIZE == 0 for address in card.pinned)
    slots.unpin()
    assert card.pinned == []
    assert lent.shape == (5, 3)  # A lent array stays valid


@pytest.mark.parametrize("is_exhausted", [True, False])
def test_memory_is_unpinned_when_the_processes_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_exhausted: bool
) -> None:
    card = Card("cpu", bfloat16=False)
    monkeypatch.setattr("core.models.batches.choose_device", lambda: card)
    paths = sorted(class_folders(tmp_path, red=8).rglob("*.png"))
    batches = decode_batches(paths, INPUT, 4)
    next(batches)
    assert card.pinned
    if is_exhausted:
        list(batches)
    else:
        del batches
    assert card.pinned == []
