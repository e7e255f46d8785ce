import threading
import weakref
from concurrent.futures import Future, wait

import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import WorkbenchError
from core.query.opened import EmbeddedImage
from state.batcher import Batcher, ModelClosedError

SOON_S = 30
"""How long a test waits for what comes at once."""

BAD = 13


class Passes:
    """Embeds an image of one value as (value, -value), and gives it the value as probability.

    Each pass is held until `go` is set.
    """

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.ways: list[str] = []
        self.began = threading.Event()
        self.go = threading.Event()

    def __call__(
        self, way: str, pixels: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        assert pixels.shape[1:] == (3, 2, 2)
        assert pixels.dtype == np.uint8
        self.sizes.append(len(pixels))
        self.ways.append(way)
        self.began.set()
        assert self.go.wait(SOON_S)
        values = pixels[:, 0, 0, 0].astype(np.float32)
        if BAD in values:
            raise WorkbenchError("It is a bad image.", "Take another.")
        return np.stack([values, -values], axis=1), values[:, None]


def picture(value: int) -> NDArray[np.uint8]:
    return np.full((3, 2, 2), value, np.uint8)


def embedding_of(answer: EmbeddedImage | Future[EmbeddedImage]) -> list[float]:
    found = answer.result(SOON_S) if isinstance(answer, Future) else answer
    assert found.embedding.dtype == found.probabilities.dtype == np.float32
    assert found.probabilities.tolist() == found.embedding[:1].tolist()
    embedding: list[float] = found.embedding.tolist()
    return embedding


@pytest.fixture
def passes() -> Passes:
    return Passes()


@pytest.fixture
def batcher(passes: Passes) -> Batcher[str]:
    """Its first pass is under way, with an image of 0 in it, and held."""
    made = Batcher(passes)
    made.submit("plain", [picture(0)])
    assert passes.began.wait(SOON_S)
    return made


def test_a_query_that_finds_nobody_waiting_starts_at_once(passes: Passes) -> None:
    passes.go.set()
    [answer] = Batcher(passes).embed("plain", [picture(7)])
    assert embedding_of(answer) == [7, -7]
    assert (answer.batch_size, passes.sizes) == (1, [1])
    assert 0 <= answer.wait_s < SOON_S
    assert 0 < answer.embed_s < SOON_S


def test_twenty_threads_at_once_take_at_most_five_passes_and_each_gets_its_own(
    passes: Passes,
) -> None:
    batcher = Batcher(passes)
    all_asked = threading.Barrier(21)
    found: dict[int, list[float]] = {}

    def ask(value: int) -> None:
        [future] = batcher.submit("plain", [picture(value)])
        all_asked.wait(SOON_S)
        found[value] = embedding_of(future)

    threads = [threading.Thread(target=ask, args=(value,)) for value in range(100, 120)]
    for thread in threads:
        thread.start()
    all_asked.wait(SOON_S)  # At the latest now, the first pass is held and the others wait
    passes.go.set()
    for thread in threads:
        thread.join(SOON_S)
    assert found == {value: [value, -value] for value in range(100, 120)}
    assert len(passes.sizes) <= 5
    assert sum(passes.sizes) == 20


def test_those_that_wait_go_together_up_to_a_limit_first_come_first_served(
    passes: Passes, batcher: Batcher[str]
) -> None:
    futures = [batcher.submit("plain", [picture(value)])[0] for value in range(1, 11)]
    passes.go.set()
    assert [embedding_of(future)[0] for future in futures] == list(range(1, 11))
    assert passes.sizes == [1, 8, 2]
    assert [future.result().batch_size for future in futures] == [8] * 8 + [2] * 2


def test_images_that_are_asked_for_together_are_in_one_pass(passes: Passes) -> None:
    passes.go.set()
    answers = Batcher(passes).embed("plain", [picture(value) for value in (5, 6, 7)])
    assert [embedding_of(answer)[0] for answer in answers] == [5, 6, 7]
    assert passes.sizes == [3]


def test_only_what_goes_the_same_way_goes_together(passes: Passes, batcher: Batcher[str]) -> None:
    asked = [("flip", 1), ("plain", 2), ("flip", 3), ("plain", 4)]
    futures = [batcher.submit(way, [picture(value)])[0] for way, value in asked]
    passes.go.set()
    assert [embedding_of(future)[0] for future in futures] == [1, 2, 3, 4]
    assert passes.ways == ["plain", "flip", "plain"]
    assert passes.sizes == [1, 2, 2]


def test_a_bad_image_fails_alone(passes: Passes, batcher: Batcher[str]) -> None:
    futures = [batcher.submit("plain", [picture(value)])[0] for value in (1, BAD, 3)]
    passes.go.set()
    assert embedding_of(futures[0]) == [1, -1]
    assert embedding_of(futures[2]) == [3, -3]
    with pytest.raises(WorkbenchError, match="a bad image"):
        futures[1].result(SOON_S)
    assert passes.sizes == [1, 3, 1, 1, 1]  # The batch, and each of it again
    assert batcher.embed("plain", [picture(9)])[0].batch_size == 1  # It goes on


def test_an_image_of_another_size_fails_alone(passes: Passes, batcher: Batcher[str]) -> None:
    [good] = batcher.submit("plain", [picture(1)])
    [large] = batcher.submit("plain", [np.zeros((3, 4, 4), np.uint8)])
    passes.go.set()
    assert embedding_of(good) == [1, -1]
    with pytest.raises(AssertionError):  # Of `Passes`, which was called with it alone
        large.result(SOON_S)


def test_a_model_that_answers_too_few_fails_those_who_asked() -> None:
    def one_row(
        way: str, pixels: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return np.ones((1, 2), np.float32), np.ones((2, 1), np.float32)

    batcher = Batcher(one_row)
    [future] = batcher.submit("plain", [picture(1)])
    with pytest.raises(ValueError, match="shorter|longer"):
        future.result(SOON_S)


def test_closing_answers_the_pass_under_way_and_wakes_those_that_wait(
    passes: Passes, batcher: Batcher[str]
) -> None:
    waiting = [batcher.submit("plain", [picture(value)])[0] for value in (1, 2)]
    batcher.close()
    for future in waiting:  # While the pass is still held
        with pytest.raises(ModelClosedError, match="closed while the query waited"):
            future.result(SOON_S)
    assert not batcher.wait_closed(0)
    passes.go.set()
    assert batcher.wait_closed(SOON_S)
    assert passes.sizes == [1]


def test_the_pass_that_closing_finds_under_way_is_answered(passes: Passes) -> None:
    batcher = Batcher(passes)
    [future] = batcher.submit("plain", [picture(4)])
    assert passes.began.wait(SOON_S)
    batcher.close()
    passes.go.set()
    assert embedding_of(future) == [4, -4]


def test_nothing_is_taken_after_closing_and_closing_twice_is_closing_once(passes: Passes) -> None:
    batcher = Batcher(passes)
    batcher.close()
    batcher.close()
    with pytest.raises(ModelClosedError, match="Ask once more"):
        batcher.embed("plain", [picture(1)])
    assert batcher.wait_closed(SOON_S)
    assert passes.sizes == []


def test_who_gave_up_is_left_out(passes: Passes, batcher: Batcher[str]) -> None:
    [gone, stays] = batcher.submit("plain", [picture(1), picture(2)])
    assert gone.cancel()
    passes.go.set()
    assert embedding_of(stays) == [2, -2]
    assert passes.sizes == [1, 1]


def test_a_pass_of_which_all_gave_up_is_none(passes: Passes, batcher: Batcher[str]) -> None:
    [gone] = batcher.submit("plain", [picture(1)])
    assert gone.cancel()
    passes.go.set()
    assert embedding_of(batcher.submit("plain", [picture(2)])[0]) == [2, -2]
    assert passes.sizes == [1, 1]


def test_a_batcher_that_nobody_holds_ends_and_lets_the_model_go() -> None:
    passes = Passes()
    passes.go.set()
    batcher = Batcher(passes)
    batcher.embed("plain", [picture(1)])
    model, thread = weakref.ref(passes), batcher._thread
    del passes, batcher
    thread.join(SOON_S)
    assert not thread.is_alive()
    assert model() is None


@pytest.mark.parametrize("value", [1, BAD])
def test_a_closed_batcher_lets_the_model_go_without_a_garbage_collection(value: int) -> None:
    passes = Passes()
    passes.go.set()
    batcher = Batcher(passes)
    wait(batcher.submit("plain", [picture(value)]), SOON_S)
    model = weakref.ref(passes)
    del passes
    batcher.close()
    assert batcher.wait_closed(SOON_S)
    assert model() is None
