"""What a run draws is taken over by the server before the run ends.

A run's thread hands all it draws to the server's event loop. If a fragment's timer comes when that
thread has just ended, Streamlit (1.67) starts another thread and forgets what the loop has not yet
taken from the first: the page stays half drawn, with the old matches under the new verdict.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event

from streamlit import runtime

MAX_WAIT_S = 5.0
"""For a loop that is busier than that; usually it is a few milliseconds behind."""


@contextmanager
def complete() -> Iterator[None]:
    """Wait, when what is inside has ended, until the event loop has taken all that it drew.

    Around the run of a page, and of a fragment that is not drawn again by itself soon.
    """
    try:
        yield
    finally:
        loop = _event_loop()
        if loop is not None:
            taken = Event()
            with suppress(RuntimeError):  # The server has ended meanwhile
                loop.call_soon_threadsafe(taken.set)  # Behind all that was handed to it before
                taken.wait(MAX_WAIT_S)


def _event_loop() -> asyncio.AbstractEventLoop | None:
    """Return the server's, which has no public name; None in a test of a page, without a server."""
    if not runtime.exists():
        return None
    loop = runtime.get_instance()._get_async_objs().eventloop
    return loop if isinstance(loop, asyncio.AbstractEventLoop) and loop.is_running() else None
