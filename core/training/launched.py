"""Training under a launcher: it is started, its events are relayed, and it is stopped.

The launched processes run `resume`, so that a launcher may restart them. The first writes events
into the folder `launch` of the run, and reads there whether it is to stop: unlike signals and
output, files reach every machine and outlast a lost connection. The workspace must be at the same
path on all of them.
"""

import math
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from core.errors import WorkbenchError
from core.jobs.events import EventReader
from core.jobs.processes import OWN_STORE, descendants, kill
from core.jobs.records import EVENTS, STOP_REQUEST
from core.progress import Measurement, Progress, Stop, Work
from core.training.launchers import Launcher, filled_in
from core.training.run_process import claim_run, leave_run, release_run
from core.training.runs import (
    Run,
    RunStatus,
    change_run,
    folder_of,
    read_run,
    run_exists,
)
from core.workspace import PROJECT, Workspace

LAUNCH = "launch"
POLL_S = 0.2
SHOW_EVERY_S = 2.0
"""Longest time without an event, after which the latest is repeated: a `Stop` can only be thrown in
at one."""

STOP_GRACE_S = 60.0
"""Time that the training has to save and end after a stop request, before its launcher ends."""

EXIT_GRACE_S = 15.0
"""Time that the launcher has to end once the training has ended, or after a signal."""

STANDARD_ERROR = 2


def run_launched(
    workspace: Workspace, run: Run, launcher: Launcher, nodes: int
) -> Work[dict[str, Any]]:
    """Train a run under a launcher, from its last saved state if it has one.

    Returns:
        Id and summary of the model, as `resume` on this machine.

    Raises:
        Stop: The training was stopped before the end of the first epoch, or paused.
        WorkbenchError: It failed, or the launcher did; the run has the message, too.
    """
    claim_run(workspace, run, launcher.name, nodes)
    try:
        return (yield from _train(workspace, run, launcher, nodes))
    except WorkbenchError as error:
        if _is_started(workspace, run.id):
            change_run(workspace, run.id, status=RunStatus.FAILED, message=str(error))
        raise
    except Stop:
        if _is_started(workspace, run.id):
            leave_run(workspace, run.id)
        raise
    finally:
        release_run(workspace, run.id)


def _is_started(workspace: Workspace, run_id: str) -> bool:
    """Return whether the launched processes have written no outcome."""
    return run_exists(workspace, run_id) and read_run(workspace, run_id).status == RunStatus.STARTED


def _train(workspace: Workspace, run: Run, launcher: Launcher, nodes: int) -> Work[dict[str, Any]]:
    launched = _start(workspace, run, launcher, nodes)
    try:
        yield from launched.follow()
    finally:
        launched.end()
    if launched.result is not None:
        return launched.result
    if launched.is_stopping:
        raise Stop
    if launched.message:
        problem, dot, advice = launched.message.partition(". ")
        raise WorkbenchError(problem + dot.strip(), advice or "Resume the run, or start a new one.")
    raise WorkbenchError(
        f"The launcher “{launcher.name}” ended with status {launched.process.returncode} before "
        "the training did.",
        "Its output is in the log.",
    )


def _start(workspace: Workspace, run: Run, launcher: Launcher, nodes: int) -> "_Launched":
    """Start a launcher in a session of its own, whose process group can be ended."""
    folder = folder_of(workspace, run.id) / LAUNCH
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / STOP_REQUEST).touch()  # NFS remembers for a minute that a file did not exist
    options = ["--run-id", run.id, "--home", str(workspace.home), "--launched", str(folder)]
    command = [sys.executable, "-m", "core", "resume", *options]
    values = {
        "run": run.id,
        "launch": f"{run.id}-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}",
        "nodes": str(nodes),
        "project": str(PROJECT),
    }
    arguments = filled_in(launcher.command, command, values)
    try:
        process = subprocess.Popen(
            arguments,
            cwd=PROJECT,
            env=os.environ | OWN_STORE,
            stdin=subprocess.DEVNULL,
            stdout=STANDARD_ERROR,  # Standard output is the command's result
            stderr=STANDARD_ERROR,
            start_new_session=True,
        )
    except OSError as error:
        raise WorkbenchError(
            f"The launcher “{launcher.name}” cannot start “{arguments[0]}”: {error.strerror}.",
            "Ask the administrator to correct it, or train without it.",
        ) from error
    return _Launched(launcher.name, process, folder, filled_in(launcher.stop, (), values))


@dataclass(slots=True)
class _Launched:
    """The process of a launcher, and what the training under it has told."""

    name: str
    process: "subprocess.Popen[bytes]"
    folder: Path
    stop_command: Sequence[str]
    latest: Progress = field(init=False)
    result: dict[str, Any] | None = None
    message: str = ""
    """Why the training failed; empty again if the launcher has restarted it."""

    has_begun: bool = False
    """Whether there was an event."""

    is_stopping: bool = False
    deadline: float = field(default=math.inf)
    """When the launcher's processes are ended, in seconds of the monotonic clock."""

    def __post_init__(self) -> None:
        """Begin with what is shown before the first event."""
        self.latest = Progress(0, 0, f"waiting for {self.name}")

    def follow(self) -> Work[None]:
        """Relay the events until the launcher has ended."""
        reader = EventReader(self.folder / EVENTS)
        shown = -math.inf
        while True:
            is_over = self.process.poll() is not None
            for event in reader.new_events():
                told = self._read(event)
                if told is not None:
                    yield from self._show(told)
                    shown = time.monotonic()
            if is_over:
                return
            if time.monotonic() > self.deadline:
                self.end()
            elif time.monotonic() - shown >= SHOW_EVERY_S:
                yield from self._show(self.latest)
                shown = time.monotonic()
            time.sleep(POLL_S)

    def end(self) -> None:
        """End what still runs: by a signal and the stop command, after a while by force."""
        if self.process.poll() is not None:
            return
        family = descendants(self.process.pid)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        if self.stop_command:
            with suppress(OSError, subprocess.TimeoutExpired):
                subprocess.run(
                    self.stop_command,
                    stdin=subprocess.DEVNULL,
                    stdout=STANDARD_ERROR,
                    timeout=EXIT_GRACE_S,
                    check=False,
                )
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(EXIT_GRACE_S)
        kill(family)
        self.process.kill()
        self.process.wait()

    def _show(self, event: Progress | Measurement) -> Work[None]:
        try:
            yield event
        except Stop:
            self.is_stopping = True
            # Without an event yet there is nothing to save: it may wait in a queue for hours
            grace = STOP_GRACE_S if self.has_begun else 0.0
            self.deadline = min(self.deadline, time.monotonic() + grace)
            with suppress(FileNotFoundError):  # A stopped run without an epoch has deleted itself
                (self.folder / STOP_REQUEST).write_text("stop\n", encoding="utf-8")

    def _read(self, event: dict[str, Any]) -> Progress | Measurement | None:
        """Take notice of an event; return it if it is to be relayed."""
        self.has_begun = True
        match event:
            case {"kind": "progress", "done": done, "total": total, "note": note}:
                self.latest, self.message = Progress(done, total, note), ""
                return self.latest
            case {"kind": "measurement", "curve": curve, "values": values}:
                return Measurement(curve, values)
            case {"kind": "result", "result": result}:
                self.result = result
            case {"kind": "failed", "message": message}:
                self.message = message
                self.latest = replace(self.latest, note=f"waiting for {self.name} to restart it")
        if event["kind"] in ("result", "stopped") or self.is_stopping:
            self.deadline = min(self.deadline, time.monotonic() + EXIT_GRACE_S)
        return None
