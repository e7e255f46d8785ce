"""Processes forked from this one, which have all that it has: nothing is loaded or sent again."""

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
"""How often they look whether this one is still there: a killed one cannot end them."""

Asked = ParamSpec("Asked")
Done = TypeVar("Done")


@contextmanager
def fork_pool(work: Callable[Asked, Done], count: int) -> Iterator[Callable[Asked, Future[Done]]]:
    """Give a function that has one of `count` processes do some work, whichever is free.

    They are forked when it is called first, with all that `work` refers to as it is then. Only what
    it is called with, returns and raises is sent. At the end they are killed, whatever they do.

    A future raises what `work` has raised, or `concurrent.futures.process.BrokenProcessPool` where
    a process was ended from outside.
    """
    context = multiprocessing.get_context("fork")
    pool = ProcessPoolExecutor(count, context, _Forked.become, (work, os.getpid()))
    try:
        yield partial(pool.submit, _Forked.do)
    finally:
        # They may not hear of an end: one of them that was killed can have held what they wait for,
        # and a signal to stop is this process's business, whose handlers they have
        processes = list((pool._processes or {}).values())  # No public name before Python 3.14
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.kill()
        for process in processes:
            process.join()


class _Forked:
    """What such a process does."""

    work: Callable[..., Any]

    @classmethod
    def become(cls, work: Callable[..., Any], parent: int) -> None:
        cls.work = staticmethod(work)
        Thread(target=_end_after, args=(parent,), daemon=True).start()

    @classmethod
    def do(cls, *asked: Any) -> Any:
        return cls.work(*asked)


def _end_after(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(POLL_EVERY_S)
    os._exit(1)
