import subprocess
import sys
import time

import pytest

from core.errors import WorkbenchError
from core.jobs.background import run_in_thread
from core.progress import Progress, finish
from core.workspace import PROJECT


@pytest.mark.slow
def test_progress_is_reported_until_the_call_returns() -> None:
    work = run_in_thread(lambda: time.sleep(0.5), "sleeping")
    notes = [event.note for event in work if isinstance(event, Progress)]
    assert notes
    assert set(notes) == {"sleeping, 0 s"}


def test_the_result_is_returned() -> None:
    assert finish(run_in_thread(lambda: 7, "counting")) == 7


def test_an_error_of_the_call_is_raised_as_it_is() -> None:
    def fail() -> None:
        raise WorkbenchError("It failed.", "Try again.")

    with pytest.raises(WorkbenchError, match=r"It failed\. Try again\.") as raised:
        finish(run_in_thread(fail, "failing"))
    assert raised.value.advice == "Try again."
    assert [entry.name for entry in raised.traceback][-1] == "fail"


STOPPED = """
import time
from core.jobs.background import run_in_thread
work = run_in_thread(lambda: time.sleep(60), "sleeping")
next(work)
work.close()
print("closed")
"""


def test_a_stopped_process_does_not_wait_for_the_call() -> None:
    started = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-c", STOPPED], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "closed\n", "")
    assert time.monotonic() - started < 30
