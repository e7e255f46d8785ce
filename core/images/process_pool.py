"""Pool of forked processes, which share the memory of this one: nothing is loaded or sent again."""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from threading import Thread
from typing import Any, ParamSpec, TypeVar

POLL_EVERY_S = 2.0
"""How often they check that their parent still runs: a killed parent cannot end them."""

P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def fork_pool(work: Callable[P, R], count: int) -> Iterator[Callable[P, Future[R]]]:
    """Provide a function that submits a call of `work` to `count` processes.

    They are forked at its first call, with everything that `work` refers to at that time. Only
    arguments, results and exceptions are sent. At the end the processes are killed.

    A future raises the exception of `work`, or `concurrent.futures.process.BrokenProcessPool` if a
    process was killed.
    """
    context = multiprocessing.get_context("fork")
    pool = ProcessPoolExecutor(count, context, _Forked.start, (work, os.getpid()))
    try:
        yield partial(pool.submit, _Forked.run)
    finally:
        # Killed, because a request to end may not reach them: a process that was killed may hold
        # the lock that they wait for, and they have inherited the handlers of stop signals
        processes = list((pool._processes or {}).values())  # No public name before Python 3.14
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.kill()
        for process in processes:
            process.join()


class _Forked:
    """State and calls of a forked process."""

    work: Callable[..., Any]

    @classmethod
    def start(cls, work: Callable[..., Any], parent: int) -> None:
        cls.work = staticmethod(work)
        Thread(target=_end_after, args=(parent,), daemon=True).start()

    @classmethod
    def run(cls, *arguments: Any) -> Any:
        return cls.work(*arguments)


def _end_after(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(POLL_EVERY_S)
    os._exit(1)
