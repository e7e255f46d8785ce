"""A decoder that fails in any way costs its image only; the processes end with this one."""

import builtins
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from core.errors import WorkbenchError
from core.images import process_pool
from core.images.decoder_process import Item, Reply
from core.images.process_pool import DecoderPool, new_pool, shared_pool
from tests.factories.images import png, solid
from tests.support.processes import wait_for

PROJECT = Path(__file__).parents[3]
EXCEPTIONS = sorted(
    name
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, BaseException)
)


@pytest.fixture(scope="module")
def odd_pool() -> Iterator[DecoderPool]:
    pool = DecoderPool(1, "tests.support.odd_decoder")
    yield pool
    pool.close()


def items(*paths: Path) -> list[Item]:
    return [{"path": str(path), "name": None} for path in paths]


def odd(folder: Path, how: str) -> Path:
    path = folder / f"{how.replace(' ', '_')}.jpg"
    path.write_bytes(f"ODD {how}".encode())
    return path


def check(pool: DecoderPool, *paths: Path) -> list[Reply]:
    return pool.run("check", items(*paths), {})


def problem_of(reply: Reply) -> str:
    assert reply.error is not None
    return reply.error.problem


@pytest.mark.slow
@pytest.mark.parametrize("when", ["open", "load"])
def test_every_exception_of_python_is_the_problem_of_its_image(
    odd_pool: DecoderPool, tmp_path: Path, when: str
) -> None:
    names = [*EXCEPTIONS, "StrangeError"]
    assert {"KeyboardInterrupt", "SystemExit", "BaseExceptionGroup", "MemoryError"} < set(names)
    good = tmp_path / "good.png"
    good.write_bytes(png(solid("red")))
    paths = [odd(tmp_path, f"{when} raise {name}") for name in names]
    *replies, last = check(odd_pool, *paths, good)
    for path, reply in zip(paths, replies, strict=True):
        assert problem_of(reply).startswith(path.name), path
    assert last.error is None


@pytest.mark.slow
@pytest.mark.parametrize("when", ["open", "load"])
@pytest.mark.parametrize("how", ["kill", "exit"])
def test_a_crash_costs_one_image(
    odd_pool: DecoderPool, tmp_path: Path, when: str, how: str
) -> None:
    bad = odd(tmp_path, f"{when} {how}")
    (good := tmp_path / "good.png").write_bytes(png(solid("red")))
    before, crashed, after = check(odd_pool, good, bad, good)
    assert problem_of(crashed) == f"{bad.name} crashes the image decoder."
    assert (before.error, after.error) == (None, None)


@pytest.mark.slow
def test_a_hang_costs_one_image_and_the_time_limit(odd_pool: DecoderPool, tmp_path: Path) -> None:
    bad = odd(tmp_path, "load hang")
    (good := tmp_path / "good.png").write_bytes(png(solid("red")))
    started = time.monotonic()
    before, hung, after = check(odd_pool, good, bad, good)
    assert problem_of(hung) == f"{bad.name} takes longer than 20 seconds to decode."
    assert (before.error, after.error) == (None, None)
    assert time.monotonic() - started < 10  # The odd decoder's limit is 1 s


@pytest.mark.slow
def test_too_much_memory_costs_one_image(odd_pool: DecoderPool, tmp_path: Path) -> None:
    bad = odd(tmp_path, "load fill")
    (good := tmp_path / "good.png").write_bytes(png(solid("red")))
    before, large, after = check(odd_pool, good, bad, good)
    assert problem_of(large) == f"{bad.name} takes too much memory to decode."
    assert (before.error, after.error) == (None, None)
    assert check(odd_pool, good)[0].error is None  # By another process


@pytest.mark.slow
def test_a_process_that_someone_kills_costs_no_image(tmp_path: Path) -> None:
    pool = DecoderPool(1)
    (good := tmp_path / "good.png").write_bytes(png(solid("red")))
    assert check(pool, good)[0].error is None
    [worker] = [
        child
        for child in psutil.Process().children()
        if "core.images.worker" in child.cmdline() and child.pid not in _shared()
    ]
    worker.send_signal(signal.SIGKILL)
    assert check(pool, good)[0].error is None
    pool.close()


def test_a_signal_that_ends_the_parent_leaves_a_starting_process_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Signaled(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            for number in (signal.SIGTERM, signal.SIGINT):
                self.send_signal(number)

    monkeypatch.setattr(subprocess, "Popen", Signaled)
    (good := tmp_path / "good.png").write_bytes(png(solid("red")))
    pool = DecoderPool(1)
    assert check(pool, good)[0].error is None
    pool.close()
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ()) & {signal.SIGTERM, signal.SIGINT}


def _shared() -> set[int]:
    """Processes of the pool that all tests share."""
    idle = [decoder for decoder in shared_pool()._idle.queue if decoder]
    return {decoder._process.pid for decoder in idle}


def test_a_pool_that_cannot_start_says_so(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pool = DecoderPool(1, "core.images.no_such_module")
    for _ in range(2):  # The place of the process is free again
        with pytest.raises(WorkbenchError, match="process that decodes images does not start"):
            check(pool, tmp_path)
    assert "no_such_module" in capfd.readouterr().err


@pytest.mark.slow
def test_threads_share_the_processes(tmp_path: Path) -> None:
    paths = []
    for number, color in enumerate(["red", "green", "blue"] * 20):
        paths.append(tmp_path / f"{number}.png")
        paths[-1].write_bytes(png(solid(color, 8 + number)))
    pool = DecoderPool(2)
    with ThreadPoolExecutor(6) as threads:
        replies = list(threads.map(lambda path: check(pool, path)[0], paths))
    assert [reply.facts["width"] for reply in replies] == [8 + number for number in range(60)]
    pool.close()


def test_threads_that_begin_together_share_one_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow_pool() -> DecoderPool:
        time.sleep(0.05)
        return DecoderPool(1)

    monkeypatch.setattr(process_pool, "_pools", {})
    monkeypatch.setattr(process_pool, "new_pool", slow_pool)
    with ThreadPoolExecutor(4) as threads:
        pools = list(threads.map(lambda _: shared_pool(), range(4)))
    assert len(set(map(id, pools))) == 1


@pytest.mark.parametrize(("gigabytes", "count"), [(1, 1), (6, 2), (12, 4), (100, 4)])
def test_there_are_no_more_processes_than_half_of_the_memory_allows(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, gigabytes: int, count: int
) -> None:
    (limit := tmp_path / "memory.max").write_text(f"{gigabytes << 30}\n")
    monkeypatch.setattr(process_pool, "CONTAINER_LIMIT", limit)
    monkeypatch.setattr(os, "sysconf", lambda name: 1 << 20)  # Much
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(4), raising=False)
    assert new_pool().count == count


STUCK = """
import sys
from core.images.process_pool import DecoderPool
pool = DecoderPool(1, "tests.support.odd_decoder")
pool.run("check", [{"path": sys.argv[1], "name": None}], {})
print("started", flush=True)
pool.run("check", [{"path": sys.argv[2], "name": None}], {})
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="timers are signals")
def test_processes_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    (good := tmp_path / "good.png").write_bytes(png(solid("red")))
    stuck = odd(tmp_path, "load hang")
    parent = subprocess.Popen(
        [sys.executable, "-c", STUCK, str(good), str(stuck)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "started\n"
    [worker] = psutil.Process(parent.pid).children()
    parent.kill()
    parent.wait()
    wait_for(lambda: not psutil.pid_exists(worker.pid) or worker.status() == "zombie")
