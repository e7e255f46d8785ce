"""Pool of decoding processes, in which a decoder may crash, hang or use up its memory.

`worker.py` is the other side. The processes are started, not forked: a fork of a process with
threads and a GPU may hang. They end with this process, because their input ends.
"""

import atexit
import os
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, LifoQueue
from typing import Any

from core.images.decoder_process import Decoder, Item, ProcessEnded, Reply
from core.images.failures import crashed, too_slow
from core.images.limits import MEMORY_BYTES, SPARE_BYTES

WORKER = "core.images.worker"
"""Module of the other side."""

MAX_CRASHES = 2
"""Crashes at one image until it is given up: the first may be due to another process, such as the
system's when memory is low."""

MAX_PROCESSES = 16
"""They decode more than 9,000 images a second, which no GPU embeds."""

CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")


class DecoderPool:
    """Decoding processes, which are started when they are needed and then kept."""

    def __init__(self, count: int, module: str = WORKER) -> None:
        """Prepare for up to `count` processes of a module like `worker.py`."""
        self.count = count
        self._module = module
        self._parent = os.getpid()
        self._idle: LifoQueue[Decoder | None] = LifoQueue()
        """A process, or None for one that is not started, for each request at a time."""

        for _ in range(count):
            self._idle.put(None)

    def run(
        self, task: str, items: Sequence[Item], options: dict[str, Any], content: bytes = b""
    ) -> list[Reply]:
        """Run a task of `tasks.py` for each image in one process, and return their replies.

        It waits for a free process. An image at which the process crashes or hangs gets an error,
        and the others are done in another process.

        Args:
            task: Name of the task.
            items: The images.
            options: Options of the task, the same for all images.
            content: Content of the image without a path.

        Raises:
            WorkbenchError: Decoding processes do not start.
        """
        replies: dict[int, Reply] = {}
        crashes: Counter[int] = Counter()
        while waiting := [at for at in range(len(items)) if at not in replies]:
            try:
                asked = self._ask(task, [items[at] for at in waiting], options, content)
                replies |= dict(zip(waiting, asked, strict=True))
            except ProcessEnded as ended:
                at = waiting[ended.number]
                crashes[at] += 1
                label = _label(items[at])
                if ended.timed_out:
                    replies[at] = Reply({}, b"", too_slow(label))
                elif crashes[at] == MAX_CRASHES:
                    replies[at] = Reply({}, b"", crashed(label))
        return [replies[at] for at in range(len(items))]

    def _ask(
        self, task: str, items: Sequence[Item], options: dict[str, Any], content: bytes
    ) -> list[Reply]:
        decoder, is_done = self._idle.get(), False
        try:
            decoder = decoder or Decoder(self._module)
            replies = decoder.ask(task, items, options, content)
            is_done = True
            return replies
        finally:  # A process that was interrupted has a reply to nobody's request
            if decoder and not is_done:
                decoder.end()
            self._idle.put(decoder if is_done else None)

    def limit(self, count: int) -> None:
        """Use at most `count` processes from now on; those at work are waited for."""
        while self.count > count:
            if decoder := self._idle.get():
                decoder.end()
            self.count -= 1

    def close(self) -> None:
        """End the processes that are idle."""
        if os.getpid() != self._parent:  # In a fork, whose processes these are not
            return
        idle = []
        with suppress(Empty):
            while True:
                idle.append(self._idle.get_nowait())
        for decoder in idle:
            if decoder:
                decoder.end()
            self._idle.put(None)


_pools: dict[int, DecoderPool] = {}
"""Process id → its pool; a forked process starts one of its own."""


def shared_pool() -> DecoderPool:
    """Return the pool of this process, the same for all threads."""
    process = os.getpid()
    if process not in _pools and _pools.setdefault(process, pool := new_pool()) is pool:
        atexit.register(pool.close)
    return _pools[process]


def new_pool() -> DecoderPool:
    """Return a pool with a decoding process for each core.

    There are fewer if they could take more than half of the memory.
    """
    in_memory = _memory_bytes() // (2 * (MEMORY_BYTES + SPARE_BYTES))
    return DecoderPool(max(1, min(available_cores(), in_memory, MAX_PROCESSES)))


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    can_tell = hasattr(os, "sched_getaffinity")
    return len(os.sched_getaffinity(0)) if can_tell else os.cpu_count() or 1


def _memory_bytes() -> int:
    """Return the memory of this machine, or of the container if it has a limit."""
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with suppress(OSError, ValueError):  # No container, or no limit
        return min(physical, int(CONTAINER_LIMIT.read_text()))
    return physical


def _label(item: Item) -> str:
    """Return the name of an image in messages, in encodable characters."""
    name = item["name"] or Path(item["path"]).name
    return str(name).encode(errors="backslashreplace").decode()
