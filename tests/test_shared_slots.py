"""Slots of shared memory: what others write is there, and none is used again while it is held."""

import multiprocessing

import numpy as np
import pytest

from core.embedder.shared_slots import SharedSlots


def test_what_a_forked_process_writes_is_there() -> None:
    slots = SharedSlots(2, (3, 4))
    slot = slots.take()
    fill = multiprocessing.get_context("fork").Process(target=slots.array(slot).fill, args=(7,))
    fill.start()
    fill.join(30)
    np.testing.assert_array_equal(slots.lend(slot), np.full((3, 4), 7))


def test_a_slot_is_free_when_nobody_holds_a_view_of_it_any_more() -> None:
    slots = SharedSlots(2, (3, 4))
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
    slots = SharedSlots(2, (4,))
    first, second = slots.take(), slots.take()
    slots.array(first)[:] = 1
    slots.array(second)[:] = 2
    copy, lent = slots.lend(first), slots.lend(second)
    slots.array(slots.take())[:] = 3
    np.testing.assert_array_equal([copy, lent], [[1] * 4, [2] * 4])
