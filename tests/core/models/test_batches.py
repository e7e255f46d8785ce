"""Decoding in processes gives what threads give, in order, and leaves nothing behind."""

import multiprocessing
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from core.errors import WorkbenchError
from core.models.batches import (
    BATCHES_HELD,
    PIECE,
    PIECES_AHEAD,
    decode_with_processes,
    decode_with_threads,
)
from core.models.preprocessing import Preprocessing
from tests.factories.images import class_folders
from tests.support.processes import wait_for

SIDE = 32
INPUT = Preprocessing(image_size=SIDE)
PROJECT = Path(__file__).parents[3]


def test_processes_decode_what_threads_do(tmp_path: Path) -> None:
    root = class_folders(tmp_path, red=5, green=4)
    (root / "red" / "broken.png").write_text("no image")
    paths = sorted(root.rglob("*.png"))
    for one, other in zip(
        decode_with_threads(paths, INPUT, 4),
        decode_with_processes(paths, INPUT, 4),
        strict=True,
    ):
        np.testing.assert_array_equal(one.positions, other.positions)
        np.testing.assert_array_equal(one.pixels, other.pixels)
        assert one.problems == other.problems


def test_all_batches_of_processes_may_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.models.batches.PROCESSES", 2)
    paths = sorted(class_folders(tmp_path, red=5, green=4).rglob("*.png")) * 20
    batches = list(decode_with_processes(paths, INPUT, 4))
    assert len(batches) > 2 * PIECES_AHEAD + 1 + BATCHES_HELD  # More than there are slots
    for one, other in zip(decode_with_threads(paths, INPUT, 4), batches, strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)


def test_a_batch_of_several_pieces_is_put_together(tmp_path: Path) -> None:
    paths = sorted(class_folders(tmp_path, red=5, green=4).rglob("*.png")) * 20
    paths[70] = tmp_path / "gone.png"
    size = 2 * PIECE + 5
    for one, other in zip(
        decode_with_threads(paths, INPUT, size),
        decode_with_processes(paths, INPUT, size),
        strict=True,
    ):
        np.testing.assert_array_equal(one.positions, other.positions)
        np.testing.assert_array_equal(one.pixels, other.pixels)
        assert one.problems == other.problems


def test_processes_end_if_the_generator_is_closed(tmp_path: Path) -> None:
    paths = sorted(class_folders(tmp_path, red=8).rglob("*.png"))
    batches = decode_with_processes(paths, INPUT, 4)
    next(batches)
    decoders = multiprocessing.active_children()
    assert decoders
    del batches
    for decoder in decoders:
        decoder.join(30)
    # By the system: the pool's own thread may wait for the same process, and `is_alive` of the
    # other one is true until that thread goes on
    assert not [decoder.pid for decoder in decoders if psutil.pid_exists(decoder.pid or 0)]


def test_a_killed_decoding_process_is_an_error(tmp_path: Path) -> None:
    paths = sorted(class_folders(tmp_path, red=8).rglob("*.png")) * 100
    batches = decode_with_processes(paths, INPUT, 4)
    next(batches)
    for decoder in multiprocessing.active_children():
        decoder.kill()
    with pytest.raises(WorkbenchError, match="ended from outside"):
        list(batches)


def test_an_exception_in_a_decoding_process_is_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr("core.models.batches.load_square", broken)
    paths = sorted(class_folders(tmp_path, red=4).rglob("*.png"))
    with pytest.raises(RuntimeError, match="a mistake of ours"):
        list(decode_with_processes(paths, INPUT, 4))


SLOW = """
import sys, time
from core.models import batches
from core.models.preprocessing import Preprocessing
batches._decode = lambda *_: time.sleep(0.2)
batches.PROCESSES = 2
read = batches.decode_with_processes([""] * 10_000, Preprocessing(image_size=32), 4)
next(read)
print("decoding", flush=True)
list(read)
"""


@pytest.mark.slow
def test_processes_end_when_their_parent_is_killed() -> None:
    reader = subprocess.Popen(
        [sys.executable, "-c", SLOW], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    assert reader.stdout is not None
    assert reader.stdout.readline() == "decoding\n"
    decoders = psutil.Process(reader.pid).children(recursive=True)
    assert len(decoders) == 2
    reader.kill()
    reader.wait()
    wait_for(lambda: not any(map(works, decoders)))


def works(process: psutil.Process) -> bool:
    """Return whether a process has not ended; a zombie has."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
