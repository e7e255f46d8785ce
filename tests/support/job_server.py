"""A fork of the test's process that forks itself for each job, so that a job imports nothing.

It is made before the first test: until then no thread of torch runs, which a fork would lack. All
else of a job is as in the app: a process with a session, a log, events and signals of its own.
Networks are small.
"""

import gc
import json
import os
import sys
import threading
import time
from contextlib import suppress
from typing import IO, Any, NoReturn

from core.jobs import processes
from core.jobs.records import EVENTS, LOG, JobRecord, folder_of
from core.workspace import Workspace


class JobServer:
    """The other end of the fork, in the process of the tests."""

    def __init__(self) -> None:
        """Fork this process."""
        self._lock = threading.Lock()
        from_tests, requests = os.pipe()
        answers, to_tests = os.pipe()
        self._process = os.fork()
        if not self._process:
            os.close(requests)
            os.close(answers)
            _serve(os.fdopen(from_tests), os.fdopen(to_tests, "w"))
        os.close(from_tests)
        os.close(to_tests)
        self._requests, self._answers = os.fdopen(requests, "w"), os.fdopen(answers)

    def launch(self, workspace: Workspace, record: JobRecord) -> "ForkedJob":
        """Start a job as `processes.launch` does, but by a fork."""
        assert processes.DEVICES not in record.arguments
        folder = folder_of(workspace, record.id)
        options = ["--home", str(workspace.home), "--events", str(folder / EVENTS)]
        job = {"arguments": [*record.arguments, *options], "log": str(folder / LOG)}
        return ForkedJob(self, self.ask(job))

    def ask(self, request: dict[str, Any]) -> Any:
        """Return the id of a new process, or the exit status of one, None while it runs."""
        with self._lock:
            print(json.dumps(request), file=self._requests, flush=True)
            return json.loads(self._answers.readline())

    def stop(self) -> None:
        """End the fork."""
        self._requests.close()
        self._answers.close()
        os.waitpid(self._process, 0)


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


def _serve(requests: IO[str], answers: IO[str]) -> NoReturn:
    """Answer requests until there are no more."""
    status = 1
    try:
        for line in requests:
            print(json.dumps(_answer(json.loads(line))), file=answers, flush=True)
        status = 0
    finally:
        os._exit(status)  # Nothing of the tests' process is to end here


def _answer(request: dict[str, Any]) -> int | None:
    if "poll" in request:
        process, status = os.waitpid(request["poll"], os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if process else None
    _import()
    return os.fork() or _run(request["arguments"], request["log"])


def _import() -> None:
    """Import what jobs need, of which the tests have imported most."""
    import torch.utils.tensorboard  # noqa: F401 - for the jobs, as what follows

    import core.cli
    import core.embeddings.embed
    import core.evaluation.evaluate
    import core.indexes.files
    import core.models.importing
    import core.models.torch_export
    import core.training.train  # noqa: F401

    gc.freeze()  # Collections in the forks would copy all of it


def _run(arguments: list[str], log: str) -> NoReturn:
    """Be a job: in a session of its own, with its output in a file."""
    os.setsid()
    for number, flags in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
        path = log if number else os.devnull
        os.dup2(os.open(path, flags | os.O_CREAT | os.O_APPEND), number)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1) for number in (1, 2))
    from core.cli import main
    from core.models.backbones import BACKBONES
    from tests.factories.small_backbones import small_backbones

    status = 1
    try:
        with small_backbones([each.name for each in BACKBONES.values() if not each.timm_name]):
            status = main(arguments)
    except SystemExit as end:  # argparse's way out
        status = int(end.code or 0)
    finally:
        sys.stdout.flush()
        os._exit(status)
