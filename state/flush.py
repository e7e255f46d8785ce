"""Flush of a run's output to the server before the run ends.

The thread of a run queues its output on the server's event loop. If the timer of a fragment fires
when that thread has just ended, Streamlit (1.67) starts another thread and drops the output that
the loop has not processed yet: the page is incomplete, with old matches under a new prediction.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event

from streamlit import runtime

MAX_WAIT_S = 5.0
"""Longest wait for a busy event loop; usually it is a few milliseconds behind."""


@contextmanager
def complete() -> Iterator[None]:
    """Wait at the end of the block until the event loop has processed its output.

    It is used around the run of a page, and of a fragment that does not soon rerun on its own.
    """
    try:
        yield
    finally:
        loop = _event_loop()
        if loop is not None:
            processed = Event()
            with suppress(RuntimeError):  # The server has ended meanwhile
                loop.call_soon_threadsafe(processed.set)  # Runs after all output queued before
                processed.wait(MAX_WAIT_S)


def _event_loop() -> asyncio.AbstractEventLoop | None:
    """Return the server's event loop, which has no public name; None in page tests, without one."""
    if not runtime.exists():
        return None
    loop = runtime.get_instance()._get_async_objs().eventloop
    return loop if isinstance(loop, asyncio.AbstractEventLoop) and loop.is_running() else None
