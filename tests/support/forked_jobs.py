"""Jobs as forks of a process that has imported what they need: a job imports nothing for seconds.

All else is as in the app: a process with a session, a log, events and signals of its own.
"""

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import Any

from core.jobs import processes
from core.jobs.records import EVENTS, LOG, JobRecord, folder_of
from core.workspace import PROJECT, Workspace


class JobServer:
    """The process that jobs are forked from; it is started for the first."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def launch(self, workspace: Workspace, record: JobRecord) -> "ForkedJob":
        """Start a job as `processes.launch` does, but by a fork."""
        assert processes.DEVICES not in record.arguments
        folder = folder_of(workspace, record.id)
        options = ["--home", str(workspace.home), "--events", str(folder / EVENTS)]
        job = {"arguments": [*record.arguments, *options], "log": str(folder / LOG)}
        return ForkedJob(self, self.ask(job))

    def ask(self, request: dict[str, Any]) -> Any:
        """Return the answer to a request."""
        with self._lock:
            if self._process is None:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "tests.support.job_server"],
                    cwd=PROJECT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            assert self._process.stdin
            assert self._process.stdout
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())

    def stop(self) -> None:
        """End the process, if there was a job."""
        if self._process:
            self._process.communicate()


class ForkedJob:
    """What the job board needs of a `subprocess.Popen`."""

    def __init__(self, server: JobServer, pid: int) -> None:
        """Wait until the process has its session, for signals go to that."""
        self._server = server
        self._status: int | None = None
        self.pid = pid
        with suppress(ProcessLookupError):
            while os.getpgid(pid) != pid:
                time.sleep(0.001)

    def poll(self) -> int | None:
        """Return the exit status, None while the process runs."""
        if self._status is None:
            self._status = self._server.ask({"poll": self.pid})
        return self._status
