"""Batching of query images: those that wait at the same time are embedded in one forward pass.

Each open model has a `Batcher` with one thread. It is independent of Streamlit and of models: it
calls a function with a batch. An image that arrives while the thread is idle is embedded at once;
those that arrive during a pass are the next batch.

Shapes, in this file: B images, S pixels a side, D embedding dimensions, C classes.
"""

import logging
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.errors import WorkbenchError
from core.query.opened import EmbeddedImage

logger = logging.getLogger(__name__)

MAX_BATCH = 8
"""Larger batches are no faster per image on a processor, take more memory, and delay all of their
queries until the last: VGG-16 at 224 px takes some 30 MB an image."""

K = TypeVar("K", bound=Hashable)
Rows: TypeAlias = tuple[NDArray[np.float32], NDArray[np.float32]]
"""(B, D) unit embeddings and (B, C) probabilities."""

Embed: TypeAlias = Callable[[K, NDArray[np.uint8]], Rows]
"""Embeds (B, 3, S, S) uint8 that share a key; a call is a forward pass."""


class ModelClosedError(WorkbenchError):
    """The model was closed before the image's forward pass began."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting(Generic[K]):
    key: K
    pixels: NDArray[np.uint8]
    future: "Future[EmbeddedImage]" = field(default_factory=Future)
    since: float = field(default_factory=time.perf_counter)


class Batcher(Generic[K]):
    """Embeds images from many threads, one forward pass at a time.

    Images share a pass only if they have the same key, such as an encoding. The results equal those
    of a pass of one image except in the last digits of a float32, which depend on the batch size.
    """

    def __init__(self, embed: Embed[K], *, name: str = "model", max_batch: int = MAX_BATCH) -> None:
        """Create the thread.

        Args:
            embed: Embeds a batch; never called twice at once.
            name: Name of the thread.
            max_batch: Most images in a batch.
        """
        self._embed: Embed[K] | None = embed
        """None once closed."""

        self._max_batch = max_batch
        self._waiting: list[_Waiting[K]] = []
        self._running = 0
        """Passes that have been submitted to the executor and have not ended."""

        self._changed = threading.Condition()
        self._executor = ThreadPoolExecutor(1, f"batches-{name}")

    def submit(self, key: K, images: Sequence[NDArray[np.uint8]]) -> "list[Future[EmbeddedImage]]":
        """Add images to the queue, next to each other, and return at once.

        Args:
            key: How they are embedded.
            images: (3, S, S) uint8 each.

        Returns:
            A future for each image, in order. A canceled one is skipped if its pass has not begun;
            a failed one has the error of its image alone.

        Raises:
            ModelClosedError: The batcher is closed.
        """
        added = [_Waiting(key, pixels) for pixels in images]
        with self._changed:
            if self._embed is None:
                raise _closed()
            self._waiting += added
        self._start_pass()
        return [one.future for one in added]

    def embed(self, key: K, images: Sequence[NDArray[np.uint8]]) -> list[EmbeddedImage]:
        """Embed images, together with others that wait, and return when all are embedded.

        Raises:
            ModelClosedError: The batcher is closed, or was while they waited.
            WorkbenchError: An image has no usable embedding.
        """
        return [future.result() for future in self.submit(key, images)]

    def close(self) -> None:
        """Refuse new images, fail those that wait, and end the thread after the running pass.

        Returns at once. The running pass still gives its results.
        """
        with self._changed:
            waiting, self._waiting = self._waiting, []
            self._embed = None
            is_idle = not self._running
        for one in waiting:
            if one.future.set_running_or_notify_cancel():
                one.future.set_exception(_closed())
        if is_idle:
            self._executor.shutdown(wait=False)

    def wait_closed(self, timeout: float) -> bool:
        """Wait until the thread has ended; return False if it has not after `timeout` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: not (self._embed or self._running), timeout):
                return False
        self._executor.shutdown()  # Joins the thread, which has no more to do
        return True

    def _start_pass(self) -> None:
        """Start a pass of the next batch, unless one is running."""
        with self._changed:
            embed, batch = self._embed, list[_Waiting[K]]()
            if embed is None or self._running:
                return
            while self._waiting and not batch:
                batch = self._take()
            self._running = int(bool(batch))
        if batch:
            self._run(embed, batch)

    def _take(self) -> list[_Waiting[K]]:
        """Remove the next batch from the queue: images with the key of the one first in it."""
        key = self._waiting[0].key
        batch = [one for one in self._waiting if one.key == key][: self._max_batch]
        self._waiting = [one for one in self._waiting if one not in batch]
        return [one for one in batch if one.future.set_running_or_notify_cancel()]

    def _run(self, embed: Embed[K], batch: Sequence[_Waiting[K]]) -> None:
        running = self._executor.submit(_embed, embed, batch)
        running.add_done_callback(partial(self._end_pass, embed, batch))

    def _end_pass(
        self, embed: Embed[K], batch: Sequence[_Waiting[K]], ended: "Future[list[EmbeddedImage]]"
    ) -> None:
        """Hand out the results of a pass; retry each image alone if several failed together."""
        error, retried = ended.exception(), 0
        if error is None:
            for one, embedded in zip(batch, ended.result(), strict=True):
                one.future.set_result(embedded)
        else:
            if not isinstance(error, WorkbenchError):
                logger.error("A pass of %d images failed", len(batch), exc_info=error)
            if len(batch) > 1:
                retried = len(batch)
            else:  # Without the traceback, whose frames hold the model
                batch[0].future.set_exception(error.with_traceback(None))
        with self._changed:
            self._running += retried - 1
            self._changed.notify_all()
            has_ended = self._embed is None and not self._running
        for one in batch[:retried]:
            self._run(embed, [one])
        if has_ended:
            self._executor.shutdown(wait=False)
        self._start_pass()


def _embed(embed: Embed[K], batch: Sequence[_Waiting[K]]) -> list[EmbeddedImage]:
    """Embed a batch in one forward pass."""
    began = time.perf_counter()
    embeddings, probabilities = embed(batch[0].key, np.stack([one.pixels for one in batch]))
    embed_s = time.perf_counter() - began
    return [
        EmbeddedImage(
            embedding=embedding,
            probabilities=row,
            batch_size=len(batch),
            wait_s=began - one.since,
            embed_s=embed_s,
        )
        for one, embedding, row in zip(batch, embeddings, probabilities, strict=True)
    ]


def _closed() -> ModelClosedError:
    return ModelClosedError(
        "The model was closed while the query waited, because other models were opened.",
        "Search again.",
    )
