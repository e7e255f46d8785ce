"""Finds the processes that a test run started, however they were started."""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import psutil

MARKER = "WORKBENCH_TEST_RUN"
"""Set in the environment of a test run: whatever it starts inherits it."""


def processes_of_home(home: Path) -> list[psutil.Process]:
    """Return the processes that work on the workbench at `home`: its server and its jobs."""
    return [
        process
        for process in _others()
        if _environment(process).get("WORKBENCH_HOME") == str(home)
        or any(str(home) in part for part in _command(process))
    ]


def jobs_of_home(home: Path) -> list[psutil.Process]:
    """Return the headless commands (`python -m core …`) that run for the workbench at `home`."""
    return [process for process in processes_of_home(home) if is_job(process)]


def processes_of_run(run: str, temporary: Path) -> list[psutil.Process]:
    """Return the processes with the marker `run` and those that work under `temporary`."""
    children = {process.pid for process in psutil.Process().children(recursive=True)}
    return [
        process
        for process in _others()
        if process.pid in children
        or _environment(process).get(MARKER) == run
        or any(str(temporary) in part for part in _command(process))
    ]


def is_job(process: psutil.Process) -> bool:
    """Tell whether a process is a headless command."""
    return ("-m", "core") in pairwise(_command(process))


def end(processes: Iterable[psutil.Process], *, grace: float = 10) -> None:
    """Terminate processes, wait `grace` seconds, kill those that are still there."""
    asked = list(processes)
    for process in asked:
        _signal(process, kill=False)
    _, stubborn = psutil.wait_procs(asked, timeout=grace)
    for process in stubborn:
        _signal(process, kill=True)
    psutil.wait_procs(stubborn, timeout=grace)


def wait_until_gone(run: str, temporary: Path, *, grace: float) -> list[psutil.Process]:
    """Return what of a test run is still there after at most `grace` seconds."""
    deadline = time.monotonic() + grace
    while (left := processes_of_run(run, temporary)) and time.monotonic() < deadline:
        psutil.wait_procs(left, timeout=0.2)
    return left


def describe(process: psutil.Process) -> str:
    """Return process id and command line, shortened."""
    return f"{process.pid}: {' '.join(_command(process))[:200] or '(command line not readable)'}"


def _others() -> Iterator[psutil.Process]:
    """All processes but this one and its ancestors, as far as they can be read and still run."""
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    for process in psutil.process_iter():
        try:
            if process.pid not in own and process.status() != psutil.STATUS_ZOMBIE:
                yield process
        except psutil.Error:
            continue


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except (psutil.Error, OSError):
        return {}


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except (psutil.Error, OSError):
        return []


def _signal(process: psutil.Process, *, kill: bool) -> None:
    try:
        process.kill() if kill else process.terminate()
    except psutil.NoSuchProcess:
        return


def wait_for(condition: Callable[[], bool], timeout: float = 30) -> None:
    """Wait until something has come true, at most `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
