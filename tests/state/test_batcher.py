import threading
import weakref
from concurrent.futures import Future, wait

import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import WorkbenchError
from core.query.opened import EmbeddedImage
from state.batcher import Batcher, ModelClosedError

TIMEOUT_S = 30

BAD = 13


class Passes:
    """Embeds an image of one value as (value, -value), with the value as probability.

    Each pass waits until `go` is set.
    """

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.keys: list[str] = []
        self.began = threading.Event()
        self.go = threading.Event()

    def __call__(
        self, key: str, pixels: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        assert pixels.shape[1:] == (3, 2, 2)
        assert pixels.dtype == np.uint8
        self.sizes.append(len(pixels))
        self.keys.append(key)
        self.began.set()
        assert self.go.wait(TIMEOUT_S)
        values = pixels[:, 0, 0, 0].astype(np.float32)
        if BAD in values:
            raise WorkbenchError("It is a bad image.", "Take another.")
        return np.stack([values, -values], axis=1), values[:, None]


def image(value: int) -> NDArray[np.uint8]:
    return np.full((3, 2, 2), value, np.uint8)


def embedding_of(result: EmbeddedImage | Future[EmbeddedImage]) -> list[float]:
    found = result.result(TIMEOUT_S) if isinstance(result, Future) else result
    assert found.embedding.dtype == found.probabilities.dtype == np.float32
    assert found.probabilities.tolist() == found.embedding[:1].tolist()
    embedding: list[float] = found.embedding.tolist()
    return embedding


@pytest.fixture
def passes() -> Passes:
    return Passes()


@pytest.fixture
def batcher(passes: Passes) -> Batcher[str]:
    """Return a batcher whose first pass, of an image of 0, waits."""
    made = Batcher(passes)
    made.submit("plain", [image(0)])
    assert passes.began.wait(TIMEOUT_S)
    return made


def test_an_image_starts_at_once_if_none_waits(passes: Passes) -> None:
    passes.go.set()
    [result] = Batcher(passes).embed("plain", [image(7)])
    assert embedding_of(result) == [7, -7]
    assert (result.batch_size, passes.sizes) == (1, [1])
    assert 0 <= result.wait_s < TIMEOUT_S
    assert 0 < result.embed_s < TIMEOUT_S


def test_twenty_threads_at_once_share_at_most_five_passes(
    passes: Passes,
) -> None:
    batcher = Batcher(passes)
    all_submitted = threading.Barrier(21)
    found: dict[int, list[float]] = {}

    def embed(value: int) -> None:
        [future] = batcher.submit("plain", [image(value)])
        all_submitted.wait(TIMEOUT_S)
        found[value] = embedding_of(future)

    threads = [threading.Thread(target=embed, args=(value,)) for value in range(100, 120)]
    for thread in threads:
        thread.start()
    all_submitted.wait(TIMEOUT_S)  # By now the first pass waits, and the other images in the queue
    passes.go.set()
    for thread in threads:
        thread.join(TIMEOUT_S)
    assert found == {value: [value, -value] for value in range(100, 120)}
    assert len(passes.sizes) <= 5
    assert sum(passes.sizes) == 20


def test_waiting_images_are_batched_in_order_up_to_the_limit(
    passes: Passes, batcher: Batcher[str]
) -> None:
    futures = [batcher.submit("plain", [image(value)])[0] for value in range(1, 11)]
    passes.go.set()
    assert [embedding_of(future)[0] for future in futures] == list(range(1, 11))
    assert passes.sizes == [1, 8, 2]
    assert [future.result().batch_size for future in futures] == [8] * 8 + [2] * 2


def test_images_of_one_call_share_a_pass(passes: Passes) -> None:
    passes.go.set()
    results = Batcher(passes).embed("plain", [image(value) for value in (5, 6, 7)])
    assert [embedding_of(result)[0] for result in results] == [5, 6, 7]
    assert passes.sizes == [3]


def test_only_images_with_the_same_key_share_a_pass(passes: Passes, batcher: Batcher[str]) -> None:
    submitted = [("flip", 1), ("plain", 2), ("flip", 3), ("plain", 4)]
    futures = [batcher.submit(key, [image(value)])[0] for key, value in submitted]
    passes.go.set()
    assert [embedding_of(future)[0] for future in futures] == [1, 2, 3, 4]
    assert passes.keys == ["plain", "flip", "plain"]
    assert passes.sizes == [1, 2, 2]


def test_a_bad_image_fails_alone(passes: Passes, batcher: Batcher[str]) -> None:
    futures = [batcher.submit("plain", [image(value)])[0] for value in (1, BAD, 3)]
    passes.go.set()
    assert embedding_of(futures[0]) == [1, -1]
    assert embedding_of(futures[2]) == [3, -3]
    with pytest.raises(WorkbenchError, match="a bad image"):
        futures[1].result(TIMEOUT_S)
    assert passes.sizes == [1, 3, 1, 1, 1]  # The batch, and each of it again
    assert batcher.embed("plain", [image(9)])[0].batch_size == 1  # It still works


def test_an_image_of_another_size_fails_alone(passes: Passes, batcher: Batcher[str]) -> None:
    [good] = batcher.submit("plain", [image(1)])
    [large] = batcher.submit("plain", [np.zeros((3, 4, 4), np.uint8)])
    passes.go.set()
    assert embedding_of(good) == [1, -1]
    with pytest.raises(AssertionError):  # Of `Passes`, which was called with it alone
        large.result(TIMEOUT_S)


def test_a_function_that_returns_too_few_rows_fails_the_images() -> None:
    def one_row(
        key: str, pixels: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return np.ones((1, 2), np.float32), np.ones((2, 1), np.float32)

    batcher = Batcher(one_row)
    [future] = batcher.submit("plain", [image(1)])
    with pytest.raises(ValueError, match="shorter|longer"):
        future.result(TIMEOUT_S)


def test_closing_fails_waiting_images_and_lets_the_running_pass_end(
    passes: Passes, batcher: Batcher[str]
) -> None:
    waiting = [batcher.submit("plain", [image(value)])[0] for value in (1, 2)]
    batcher.close()
    for future in waiting:  # While the pass is still held
        with pytest.raises(ModelClosedError, match="closed while the query waited"):
            future.result(TIMEOUT_S)
    assert not batcher.wait_closed(0)
    passes.go.set()
    assert batcher.wait_closed(TIMEOUT_S)
    assert passes.sizes == [1]


def test_the_running_pass_gives_its_result_after_closing(passes: Passes) -> None:
    batcher = Batcher(passes)
    [future] = batcher.submit("plain", [image(4)])
    assert passes.began.wait(TIMEOUT_S)
    batcher.close()
    passes.go.set()
    assert embedding_of(future) == [4, -4]


def test_a_closed_batcher_refuses_images_and_can_be_closed_again(passes: Passes) -> None:
    batcher = Batcher(passes)
    batcher.close()
    batcher.close()
    with pytest.raises(ModelClosedError, match="Search again"):
        batcher.embed("plain", [image(1)])
    assert batcher.wait_closed(TIMEOUT_S)
    assert passes.sizes == []


def test_a_canceled_image_is_skipped(passes: Passes, batcher: Batcher[str]) -> None:
    [canceled, other] = batcher.submit("plain", [image(1), image(2)])
    assert canceled.cancel()
    passes.go.set()
    assert embedding_of(other) == [2, -2]
    assert passes.sizes == [1, 1]


def test_a_batch_of_canceled_images_is_no_pass(passes: Passes, batcher: Batcher[str]) -> None:
    [canceled] = batcher.submit("plain", [image(1)])
    assert canceled.cancel()
    passes.go.set()
    assert embedding_of(batcher.submit("plain", [image(2)])[0]) == [2, -2]
    assert passes.sizes == [1, 1]


def test_an_unreferenced_batcher_ends_its_thread_and_frees_the_model() -> None:
    passes = Passes()
    passes.go.set()
    batcher = Batcher(passes, name="unreferenced")
    batcher.embed("plain", [image(1)])
    model = weakref.ref(passes)
    [thread] = [one for one in threading.enumerate() if "unreferenced" in one.name]
    del passes, batcher
    thread.join(TIMEOUT_S)
    assert not thread.is_alive()
    assert model() is None


def test_a_batch_that_fails_after_closing_is_still_retried(
    passes: Passes, batcher: Batcher[str]
) -> None:
    passes.go.set()
    batcher.embed("plain", [image(0)])
    passes.go.clear()
    passes.began.clear()
    futures = batcher.submit("plain", [image(1), image(BAD)])
    assert passes.began.wait(TIMEOUT_S)
    batcher.close()
    passes.go.set()
    assert embedding_of(futures[0]) == [1, -1]
    with pytest.raises(WorkbenchError, match="a bad image"):
        futures[1].result(TIMEOUT_S)
    assert batcher.wait_closed(TIMEOUT_S)


@pytest.mark.parametrize("value", [1, BAD])
def test_a_closed_batcher_frees_the_model_without_garbage_collection(value: int) -> None:
    passes = Passes()
    passes.go.set()
    batcher = Batcher(passes)
    wait(batcher.submit("plain", [image(value)]), TIMEOUT_S)
    model = weakref.ref(passes)
    del passes
    batcher.close()
    assert batcher.wait_closed(TIMEOUT_S)
    assert model() is None
