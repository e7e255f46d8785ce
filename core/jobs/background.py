"""Waiting for one long call without going silent: progress is said while it runs beside."""

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

from core.progress import Progress, T, Work

REPORT_EVERY_S = 0.2


def run_in_thread(call: Callable[[], T], note: str) -> Work[T]:
    """Make a call that cannot be interrupted, and yield until it returns.

    Whoever gives up meanwhile leaves it running: nothing waits for its thread, so a command that
    was stopped ends at once, and the call with it.

    Args:
        call: What takes long outside Python's lock.
        note: What is said meanwhile, with the seconds so far.

    Raises:
        Exception: Whatever the call raises.
    """
    ended: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()

    def run() -> None:
        try:
            ended.put((call(), None))
        except BaseException as error:  # noqa: BLE001 - raised again below, where it is waited for
            ended.put((None, error))

    started = time.monotonic()
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive():
        yield Progress(0, 0, f"{note}, {time.monotonic() - started:.0f} s")
        thread.join(REPORT_EVERY_S)
    result, error = ended.get()
    if error is not None:
        raise error
    return result  # type: ignore[return-value]
