"""Forward passes at once keep their order, share torch's threads and leave them as they were."""

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from core.models.batches import Batch
from core.models.devices import Device
from core.models.passes import forward_passes

CPU = Device("cpu", bfloat16=False)


def batch(number: int, count: int = 2) -> Batch:
    problems = {} if count else {number: "damaged"}
    return Batch(np.arange(count), np.full((count, 3, 8, 8), number, np.uint8), problems)


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_two_passes_run_at_once_and_are_yielded_in_order() -> None:
    both = threading.Barrier(2, timeout=20)

    def start(given: Batch) -> Callable[[], int]:
        both.wait()  # A single thread would wait in vain
        return lambda: int(given.pixels[0, 0, 0, 0])

    results = [result for _, result in forward_passes(map(batch, range(6)), start, CPU)]
    assert results == list(range(6))


@pytest.mark.usefixtures("two_threads")
def test_each_pass_has_a_part_of_the_threads_and_others_keep_theirs() -> None:
    def start(_: Batch) -> Callable[[], int]:
        return torch.get_num_threads

    seen = [result for _, result in forward_passes(map(batch, range(6)), start, CPU)]
    assert seen == [1] * 6

    later: list[int] = []
    thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert [torch.get_num_threads(), *later] == [2, 2]


@pytest.mark.parametrize("threads", [1, 2])
def test_a_batch_without_images_has_no_pass(threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        batches = [batch(1), batch(2, count=0), batch(3)]
        done = list(forward_passes(batches, lambda given: lambda: len(given.positions), CPU))
    finally:
        torch.set_num_threads(before)
    assert [result for _, result in done] == [2, None, 2]
    assert [given.problems for given, _ in done] == [{}, {2: "damaged"}, {}]


@pytest.mark.usefixtures("two_threads")
def test_an_error_in_a_pass_is_raised_and_ends_the_threads() -> None:
    def start(given: Batch) -> Callable[[], int]:
        raise ValueError(f"batch {given.pixels[0, 0, 0, 0]}")

    with pytest.raises(ValueError, match="batch 0"):
        list(forward_passes(map(batch, range(6)), start, CPU))
    assert not [
        thread for thread in threading.enumerate() if thread.name.startswith("forward-pass")
    ]
