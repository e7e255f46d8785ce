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

LOOK_EVERY_S = 2.0
"""How often they look whether this one is still there: a killed one cannot end them."""

Asked = ParamSpec("Asked")
Done = TypeVar("Done")


@contextmanager
def forked(work: Callable[Asked, Done], count: int) -> Iterator[Callable[Asked, Future[Done]]]:
    """Give a function that has one of `count` processes do some work, whichever is free.

    They are forked when it is called first, with all that `work` refers to as it is then. Only what
    it is called with and returns is sent. What has not begun at the end is not done any more.

    A future raises what `work` has raised, or `concurrent.futures.process.BrokenProcessPool` where
    a process was ended from outside.
    """
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(count, context, _Forked.become, (work, os.getpid())) as pool:
        try:
            yield partial(pool.submit, _Forked.do)
        finally:
            pool.shutdown(cancel_futures=True)


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
        time.sleep(LOOK_EVERY_S)
    os._exit(1)
