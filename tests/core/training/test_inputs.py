"""Prefetched batches are the same as batches read one by one."""

import threading

import numpy as np
import pytest
import torch

from core.training.inputs import Inputs, prefetch, read_batch

LABELS = np.arange(8, dtype=np.int64)
STEPS = [(np.array([0, 1]), 11), (np.array([2, 3]), 12), (np.array([4, 5]), 13)]


def inputs(num_views: int = 3) -> Inputs:
    """Eight images whose value in view v is 10 v + their number."""
    views = tuple((10.0 * view + LABELS[:, None]).astype(np.float16) for view in range(num_views))
    return Inputs(views, LABELS, LABELS, np.ones(8, np.bool_))


def test_batches_come_in_order_and_as_if_read_one_by_one() -> None:
    ahead = list(prefetch(inputs(), STEPS))
    for batch, (rows, seed) in zip(ahead, STEPS, strict=True):
        alone = read_batch(inputs(), rows, seed)
        assert batch.labels.tolist() == rows.tolist()
        assert torch.equal(batch.values, alone.values)
        assert batch.values.shape == (2, 1)
        assert torch.equal(batch.generator.get_state(), alone.generator.get_state())
        assert ((batch.values.flatten() - torch.from_numpy(rows)) % 10 == 0).all()  # Of some view


def test_ending_early_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    batches = prefetch(inputs(), STEPS)
    next(batches)
    batches.close()
    assert threading.active_count() == before


def test_an_exception_while_reading_is_raised_at_its_step() -> None:
    batches = prefetch(inputs(), [STEPS[0], (np.array([99]), 1), STEPS[1]])
    next(batches)
    with pytest.raises(IndexError):
        list(batches)
