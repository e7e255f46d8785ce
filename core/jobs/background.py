"""Progress of one long call that runs in a thread and cannot be interrupted."""

import time
from collections.abc import Callable
from multiprocessing.pool import ThreadPool

from core.progress import Progress, T, Work

REPORT_EVERY_S = 0.2


def run_in_thread(call: Callable[[], T], note: str) -> Work[T]:
    """Run a call in a thread, and report progress until it returns; raise what it raises.

    Closing the generator leaves the call running. The end of the process does not wait for a
    thread of a `ThreadPool` (it does for one of a `ThreadPoolExecutor`), so a stopped command ends
    at once, and the call with it.

    The call must release Python's lock. `note` is the text of the progress, before the seconds.
    """
    pool = ThreadPool(1)
    result = pool.apply_async(call)
    pool.close()  # Its threads end with the call
    started = time.monotonic()
    while True:
        yield Progress(0, 0, f"{note}, {time.monotonic() - started:.0f} s")
        result.wait(REPORT_EVERY_S)
        if result.ready():
            return result.get()
