"""Queries that wait go through a model together: one queue and one thread for each open model.

Knows nothing of Streamlit, nor what a model is: it calls what it was given with a batch. A query
that finds the thread idle starts at once; those that come while a batch runs are the next one.

Shapes, in this file: B images, S pixels a side, D embedding dimensions, C classes.
"""

import logging
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.errors import WorkbenchError
from core.query.opened import EmbeddedImage

logger = logging.getLogger(__name__)

MAX_BATCH = 8
"""Larger batches are no quicker an image on a processor, take more memory, and let all of their
queries wait for the last: VGG-16 at 224 px takes some 30 MB an image."""

W = TypeVar("W", bound=Hashable)
Rows: TypeAlias = tuple[NDArray[np.float32], NDArray[np.float32]]
"""(B, D) unit embeddings and (B, C) probabilities."""

Embed: TypeAlias = Callable[[W, NDArray[np.uint8]], Rows]
"""Embeds (B, 3, S, S) uint8 in one way; a call is a pass."""


class ModelClosedError(WorkbenchError):
    """The model was given back before the query's turn came."""


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[W]):
    way: W
    pixels: NDArray[np.uint8]
    future: "Future[EmbeddedImage]" = field(default_factory=Future)
    since: float = field(default_factory=time.perf_counter)


class Batcher(Generic[W]):
    """Embeds queries of many threads, those that wait at the same time in one pass.

    Queries are in one batch only if they are embedded in the same *way*, such as an encoding. The
    numbers are those of a pass of its own but for the last digits of a float32, which depend on
    the size of a batch.
    """

    def __init__(
        self, embed: Embed[W], *, name: str = "model", most_together: int = MAX_BATCH
    ) -> None:
        """Start the thread.

        Args:
            embed: Embeds a batch; never called twice at once.
            name: What to call the thread.
            most_together: Queries of a batch at most.
        """
        self._queue: _Queue[W] = _Queue(most_together)
        self._thread = threading.Thread(
            target=_serve, args=(self._queue, embed), name=f"batches-{name}", daemon=True
        )
        # The thread knows the queue alone, so that a batcher that nobody holds can end it
        weakref.finalize(self, self._queue.close)
        self._thread.start()

    def submit(self, way: W, images: Sequence[NDArray[np.uint8]]) -> "list[Future[EmbeddedImage]]":
        """Put images in the queue, next to each other, and return at once.

        Args:
            way: How they are embedded.
            images: (3, S, S) uint8 each.

        Returns:
            What each will be, in order. A cancelled one is left out if its pass has not begun; one
            that fails has the error of its image alone.

        Raises:
            ModelClosedError: It is closed.
        """
        waiting = [_Waiting(way, pixels) for pixels in images]
        self._queue.put(waiting)
        return [one.future for one in waiting]

    def embed(self, way: W, images: Sequence[NDArray[np.uint8]]) -> list[EmbeddedImage]:
        """Embed images together with what else waits, and return when all of them are.

        Raises:
            ModelClosedError: It is closed, or was while they waited.
            WorkbenchError: One of them has no usable embedding.
        """
        return [future.result() for future in self.submit(way, images)]

    def close(self) -> None:
        """Take no more, wake who waits, and end the thread behind the pass it is in.

        Returns at once. That pass is still answered.
        """
        self._queue.close()

    def wait_closed(self, timeout: float) -> bool:
        """Wait until the thread has ended; False if it still has not after `timeout` seconds."""
        self._thread.join(timeout)
        return not self._thread.is_alive()


class _Queue(Generic[W]):
    """What waits, in the order in which it came."""

    def __init__(self, most_together: int) -> None:
        self._most_together = most_together
        self._waiting: deque[_Waiting[W]] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, waiting: Sequence[_Waiting[W]]) -> None:
        with self._changed:
            if self._closed:
                raise _closed()
            self._waiting.extend(waiting)
            self._changed.notify()

    def take(self) -> list[_Waiting[W]]:
        """Return those that go the same way as the one that waits longest; none when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            batch: list[_Waiting[W]] = []
            others: deque[_Waiting[W]] = deque()
            for one in self._waiting:
                fits = len(batch) < self._most_together and one.way == self._waiting[0].way
                (batch if fits else others).append(one)
            self._waiting = others
            return batch

    def close(self) -> None:
        with self._changed:
            self._closed = True
            left, self._waiting = self._waiting, deque()
            self._changed.notify_all()
        for one in left:
            if one.future.set_running_or_notify_cancel():
                one.future.set_exception(_closed())


def _closed() -> ModelClosedError:
    return ModelClosedError(
        "The model was closed while the query waited, for others were opened.", "Ask once more."
    )


def _serve(queue: _Queue[W], embed: Embed[W]) -> None:
    """Answer what waits until the queue is closed."""
    while _serve_next(queue, embed):
        pass


def _serve_next(queue: _Queue[W], embed: Embed[W]) -> bool:
    """Answer one batch; by itself, so that an idle thread holds no image and no answer."""
    taken = queue.take()
    batch = [one for one in taken if one.future.set_running_or_notify_cancel()]
    for one in _answer(batch, embed) if batch else ():
        _answer([one], embed)
    return bool(taken)


def _answer(batch: Sequence[_Waiting[W]], embed: Embed[W]) -> Sequence[_Waiting[W]]:
    """Answer a batch by one pass; return all of it, to try each alone, if several failed together.

    One bad image must not take the others with it.
    """
    began = time.perf_counter()
    made = _pass(embed, batch[0].way, [one.pixels for one in batch])
    took_s = time.perf_counter() - began
    if isinstance(made, BaseException):
        if len(batch) > 1:
            return batch
        batch[0].future.set_exception(made)
        return ()
    for one, (embedding, probabilities) in zip(batch, made, strict=True):
        one.future.set_result(
            EmbeddedImage(
                embedding=embedding,
                probabilities=probabilities,
                batch_size=len(batch),
                wait_s=began - one.since,
                embed_s=took_s,
            )
        )
    return ()


def _pass(
    embed: Embed[W], way: W, images: Sequence[NDArray[np.uint8]]
) -> "list[tuple[NDArray[np.float32], NDArray[np.float32]]] | BaseException":
    """Return an embedding and probabilities an image, or what went wrong."""
    try:
        embeddings, probabilities = embed(way, np.stack(images))
        rows = zip(images, embeddings, probabilities, strict=True)
        return [(embedding, row) for _, embedding, row in rows]
    except BaseException as error:  # Raised again where it is waited for
        if not isinstance(error, WorkbenchError):
            logger.exception("A pass of %d images failed", len(images))
        # Its traceback holds this thread's variables: the model, and the future that will hold it
        return error.with_traceback(None)
