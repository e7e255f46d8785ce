"""Forked processes do what this one could, say what went wrong, and are gone at the end."""

import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import UnreadableImageError
from core.images.process_pool import fork_pool
from tests.support.processes import wait_for

PROJECT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    """It may take a moment until they are known to be; those of others are not ours to judge."""
    before = multiprocessing.active_children()
    yield
    wait_for(lambda: all(child in before for child in multiprocessing.active_children()))


def test_processes_share_the_memory_and_receive_arguments() -> None:
    words = {"a": "one", "b": "two"}
    with fork_pool(lambda key: (words[key], os.getpid()), 2) as ask:
        answers = [ask(key).result() for key in words]
    assert [word for word, _ in answers] == ["one", "two"]
    assert all(process != os.getpid() for _, process in answers)


def test_an_exception_is_raised_unchanged() -> None:
    def refuse() -> None:
        raise UnreadableImageError("a.png is empty.", "Copy it again.")

    with fork_pool(refuse, 1) as ask, pytest.raises(UnreadableImageError) as raised:
        ask().result()
    assert (raised.value.problem, raised.value.advice) == ("a.png is empty.", "Copy it again.")


def test_the_end_does_not_wait_for_running_calls() -> None:
    began = time.monotonic()
    with fork_pool(time.sleep, 2) as ask:
        for _ in range(6):
            ask(60)
    assert time.monotonic() - began < 30


def test_forked_processes_end_if_another_fork_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    fork, forks = os.fork, []

    def full() -> int:
        forks.append(1)
        if len(forks) > 1:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return fork()

    monkeypatch.setattr(os, "fork", full)
    with fork_pool(time.sleep, 2) as ask, pytest.raises(BlockingIOError):
        ask(0)


ONE_IS_KILLED = """
import multiprocessing, os, signal, sys, time
from concurrent.futures.process import BrokenProcessPool
from core.images.process_pool import fork_pool
signal.signal(signal.SIGTERM, lambda *_: None)  # As a command does, which stops by itself
try:
    with fork_pool(os.getpid, 2) as ask:
        ask().result()
        time.sleep(0.5)  # One reads what is asked next, the other waits for its turn
        multiprocessing.active_children()[int(sys.argv[1])].kill()
        for _ in range(100):
            ask().result()
            time.sleep(0.05)
except BrokenProcessPool:
    while multiprocessing.active_children():  # It may take a moment until they are known to be gone
        time.sleep(0.05)
    print("broken")
"""


@pytest.mark.parametrize("which", [0, 1])
def test_a_killed_process_ends_the_pool(which: int) -> None:
    command = [sys.executable, "-c", ONE_IS_KILLED, str(which)]
    ended = subprocess.run(
        command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, "broken\n"), ended.stderr
