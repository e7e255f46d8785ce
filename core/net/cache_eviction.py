"""The size of the cache of objects: files that were not used for the longest time are removed."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

SIZE_VARIABLE = "WORKBENCH_OBJECT_CACHE_GB"
"""Environment variable with the largest size of the cache in GB."""

DEFAULT_GB = 4.0
HELD = ".held"
"""Folder of the copies that are read at the moment; they are not removed."""

LOCK = ".sweep"
KEPT_SHARE = 0.9
"""Share of the largest size that is left when files are removed."""

STEP_SHARE = 0.02
"""Share of the largest size that is added until the size is measured again."""

STALE_SECONDS = 3600.0
"""Age of a folder of copies that a killed process has left."""


class _Entry(NamedTuple):
    used_ns: int
    size_bytes: int
    path: str


_added: dict[Path, float] = {}
"""Cache → bytes added since this process has measured it; infinite at first."""


def max_bytes() -> int:
    """Return the largest size of the cache, by default if the variable is no positive number."""
    try:
        stated = float(os.environ.get(SIZE_VARIABLE, DEFAULT_GB))
    except ValueError:
        stated = DEFAULT_GB
    return int((stated if 0 < stated < float("inf") else DEFAULT_GB) * 1e9)


def note_used(file: Path) -> None:
    """Note that a file was used just now."""
    with suppress(OSError):  # Removed meanwhile
        os.utime(file, ns=(time.time_ns(), file.stat().st_mtime_ns))


def note_added(cache: Path, size_bytes: int) -> None:
    """Note that a file was added, and remove others if the cache may be too large."""
    _added[cache] = _added.get(cache, float("inf")) + size_bytes
    if _is_due(cache):
        with suppress(OSError), _locked(cache):
            if _is_due(cache):  # Not if another thread has measured it meanwhile
                _added[cache] = 0.0
                sweep(cache)


def sweep(cache: Path) -> None:
    """Remove the files that were not used for the longest time if the cache is too large."""
    most = max_bytes()
    entries = sorted(_entries(cache))
    total = sum(entry.size_bytes for entry in entries)
    excess = total - KEPT_SHARE * most if total > most else 0
    for entry in entries:
        if excess <= 0:
            break
        with suppress(OSError):
            os.unlink(entry.path)
            excess -= entry.size_bytes
            _remove_empty(os.path.dirname(entry.path), cache)
    _remove_stale(cache / HELD)


def _is_due(cache: Path) -> bool:
    return _added[cache] > STEP_SHARE * max_bytes()


def _entries(folder: Path) -> Iterator[_Entry]:
    waiting = [entry.path for entry in os.scandir(folder) if entry.is_dir() and entry.name != HELD]
    while waiting:
        with suppress(FileNotFoundError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                    continue
                with suppress(FileNotFoundError):
                    info = entry.stat(follow_symlinks=False)
                    yield _Entry(info.st_atime_ns, info.st_size, entry.path)


def _remove_empty(folder: str, cache: Path) -> None:
    with suppress(OSError):  # Not empty
        while folder != str(cache):
            os.rmdir(folder)
            folder = os.path.dirname(folder)


def _remove_stale(held: Path) -> None:
    """Remove what killed processes have left."""
    import shutil

    with suppress(FileNotFoundError):
        for folder in held.iterdir():
            with suppress(FileNotFoundError):
                if time.time() - folder.stat().st_mtime > STALE_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(cache: Path) -> Iterator[None]:
    """Wait for the lock that processes sweep under, where there are locks.

    Files that another process adds while one sweeps are measured by the sweep after it.
    """
    with (cache / LOCK).open("ab") as lock:
        with suppress(ImportError):
            import fcntl

            fcntl.flock(lock.fileno(), fcntl.LOCK_EX)
        yield
