import subprocess
import sys
from pathlib import Path

import psutil

from core.jobs.processes import NICENESS, lower_priority


def test_a_job_gives_way_to_the_server_although_it_leads_a_session() -> None:
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
