import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from core.jobs.processes import (
    GRACE_S,
    LAUNCHED_GRACE_S,
    NICENESS,
    NICENESS_VARIABLE,
    grace_s,
    lower_priority,
    niceness,
    send_signal,
)
from core.jobs.records import new_record

PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"],
                         start_new_session=True)
print(child.pid, flush=True)
time.sleep(60)
"""


def test_a_job_gives_way_to_the_server_although_it_leads_a_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(NICENESS_VARIABLE)
    job = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True
    )
    try:
        assert lower_priority(psutil.Process(job.pid))
        assert psutil.Process(job.pid).nice() == NICENESS
        group = Path(f"/proc/{job.pid}/autogroup")
        if group.exists():
            assert group.read_text().split()[-2:] == ["nice", str(NICENESS)]
    finally:
        job.kill()
        job.wait()


def test_the_priority_of_a_process_that_ended_is_left_alone() -> None:
    job = subprocess.Popen([sys.executable, "-c", ""])
    process = psutil.Process(job.pid)
    job.wait()
    assert not lower_priority(process)


@pytest.mark.slow
def test_a_killed_job_takes_its_processes_of_other_sessions_with_it() -> None:
    job = subprocess.Popen(
        [sys.executable, "-S", "-c", PARENT], stdout=subprocess.PIPE, start_new_session=True
    )
    with job:
        assert job.stdout is not None
        child = psutil.Process(int(job.stdout.readline()))
        started = psutil.Process(job.pid).create_time()
        record = replace(
            new_record(("train",), "Training", "compute"),
            process_id=job.pid,
            process_started=started,
        )
        send_signal(record, signal.SIGKILL)
    psutil.wait_procs([child], timeout=10)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_a_launched_training_has_longer_to_end() -> None:
    here = new_record(("train", "--dataset", "pets"), "Training", "compute")
    assert grace_s(here) == GRACE_S
    launched = replace(here, arguments=(*here.arguments, "--launcher", "slurm"))
    assert grace_s(launched) == LAUNCHED_GRACE_S


@pytest.mark.parametrize(
    ("text", "expected"), [("0", 0), ("19", 19), ("20", NICENESS), ("-5", NICENESS), ("", NICENESS)]
)
def test_the_priority_of_jobs_is_set_by_a_variable(
    text: str, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(NICENESS_VARIABLE, text)
    assert niceness() == expected
