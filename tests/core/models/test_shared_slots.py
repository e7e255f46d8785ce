"""Slots of shared memory: what others write is there, and none is used again while it is held."""

import mmap
import multiprocessing
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from core.models.batches import decode_with_processes
from core.models.devices import Device
from core.models.shared_slots import SharedSlots
from tests.factories.images import class_folders

PROCESSOR = Device("cpu", bfloat16=False)


@dataclass(frozen=True)
class Card(Device):
    """A card that notes what it may read, and takes no more than `ROOM` arrays."""

    ROOM: ClassVar[int] = 2
    pinned: list[int] = field(default_factory=list)
    """Where each begins."""

    def pin(self, values: NDArray[np.generic]) -> bool:
        if len(self.pinned) == self.ROOM:
            return False
        self.pinned.append(values.ctypes.data)
        return True

    def unpin(self, values: NDArray[np.generic]) -> None:
        self.pinned.remove(values.ctypes.data)


def test_what_a_forked_process_writes_is_there() -> None:
    slots = SharedSlots(2, (3, 4), PROCESSOR)
    slot = slots.take()
    fill = multiprocessing.get_context("fork").Process(target=slots.array(slot).fill, args=(7,))
    fill.start()
    fill.join(30)
    np.testing.assert_array_equal(slots.lend(slot), np.full((3, 4), 7))


def test_a_slot_is_free_when_nobody_holds_a_view_of_it_any_more() -> None:
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


def test_of_the_last_slot_a_copy_is_lent() -> None:
    slots = SharedSlots(2, (4,), PROCESSOR)
    first, second = slots.take(), slots.take()
    slots.array(first)[:] = 1
    slots.array(second)[:] = 2
    copy, lent = slots.lend(first), slots.lend(second)
    slots.array(slots.take())[:] = 3
    np.testing.assert_array_equal([copy, lent], [[1] * 4, [2] * 4])


def test_a_card_reads_each_slot_where_it_lies_as_long_as_it_is_told() -> None:
    card = Card("cpu", bfloat16=False)
    slots = SharedSlots(4, (5, 3), card)
    for _ in range(8):
        lent = slots.lend(slots.take())
    assert len(card.pinned) == len(set(card.pinned)) == Card.ROOM
    assert all(address % mmap.PAGESIZE == 0 for address in card.pinned)
    slots.unpin()
    assert card.pinned == []
    assert lent.shape == (5, 3)  # What is held is there still


@pytest.mark.parametrize("is_read_to_its_end", [True, False])
def test_a_card_reads_no_memory_of_processes_that_have_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_read_to_its_end: bool
) -> None:
    card = Card("cpu", bfloat16=False)
    monkeypatch.setattr("core.models.batches.choose_device", lambda: card)
    paths = sorted(class_folders(tmp_path, red=8).rglob("*.png"))
    batches = decode_with_processes(paths, 32, 4)
    next(batches)
    assert card.pinned
    if is_read_to_its_end:
        list(batches)
    else:
        del batches
    assert card.pinned == []
