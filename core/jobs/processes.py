"""Processes of jobs: command line, launch, search, signals and log."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import psutil

from core.jobs.records import EVENTS, LOG, JobRecord, folder_of, is_alive
from core.workspace import PROJECT, Workspace

NICENESS, NICENESS_VARIABLE = 10, "WORKBENCH_JOB_NICENESS"
"""Jobs have a lower priority than the pages: 10, or what the variable says, 0 (equal) to 19."""

MIN_CORES_TO_SPARE_ONE = 4
"""With fewer cores, leaving one free would slow a job down too much."""

DEVICES, LAUNCHER, NODES = "--devices", "--launcher", "--nodes"
"""Options with the number of processes that train together, what starts them, and on how many
nodes."""

GRACE_S, LAUNCHED_GRACE_S = 20.0, 110.0
"""Time that a job has to save and end after a stop request, before it is killed; the second if its
processes are on other machines, where it ends them itself."""

OWN_STORE = {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
"""Environment variable without which restarted processes often fail: torchrun's store then has the
addresses of those before (pytorch #135712)."""

LOG_TAIL_BYTES = 20_000


def command_of(workspace: Workspace, record: JobRecord) -> list[str]:
    """Return the command that a job runs, for use in a shell."""
    home = ["--home", str(workspace.home)]
    return ["python", *_launcher(record.arguments), "-m", "core", *record.arguments, *home]


def launch(workspace: Workspace, record: JobRecord) -> "subprocess.Popen[bytes]":
    """Start the process of a job, in a session of its own, and return it."""
    folder = folder_of(workspace, record.id)
    command = [*command_of(workspace, record)[1:], "--events", str(folder / EVENTS)]
    with (folder / LOG).open("ab") as log:
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=PROJECT,
            env=os.environ | _thread_settings() | OWN_STORE,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C on the server must not reach it
        )


def find_process(workspace: Workspace, record: JobRecord) -> psutil.Process | None:
    """Return the running process of a job whose record does not name it; None if there is none."""
    events = str(folder_of(workspace, record.id) / EVENTS)
    running = psutil.process_iter(["cmdline", "create_time"])  # The time is cached
    return next((one for one in running if events in (one.info["cmdline"] or ())), None)


def niceness() -> int:
    """Return the niceness of jobs; the default if the variable is not one of 0 to 19."""
    text = os.environ.get(NICENESS_VARIABLE, "")
    return int(text) if text.isdecimal() and int(text) < 20 else NICENESS


def lower_priority(process: psutil.Process) -> bool:
    """Lower the priority of a job's process; return False if it ended or belongs to others.

    Linux with autogroups (the default of most distributions) shares the processor between sessions
    first, so a process that leads a session of its own gets as much as the server whatever its
    niceness is. There the session's niceness is lowered, too.
    """
    try:
        process.nice(max(process.nice(), niceness()))  # Only root may raise a priority
    except psutil.Error:
        return False
    with suppress(OSError):  # No autogroups here, or not permitted
        Path(f"/proc/{process.pid}/autogroup").write_text(str(niceness()))
    return True


def send_signal(record: JobRecord, number: signal.Signals) -> None:
    """Send a signal to the process of a job and to its process group, if it still runs.

    SIGKILL is sent to all descendants: torchrun's are in process groups of their own.
    """
    if is_alive(record):
        family = descendants(record.process_id) if number == signal.SIGKILL else []
        os.killpg(record.process_id, number)
        kill(family)


def descendants(process_id: int) -> list[psutil.Process]:
    """Return the children of a process, their children, and so on; none if it has ended."""
    try:
        return psutil.Process(process_id).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def kill(processes: Iterable[psutil.Process]) -> None:
    """End processes at once; those that have ended are skipped."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def grace_s(record: JobRecord) -> float:
    """Return how long a job may take to end after a stop request, in seconds."""
    return LAUNCHED_GRACE_S if LAUNCHER in record.arguments else GRACE_S


def log_tail(workspace: Workspace, job_id: str) -> str:
    """Return the end of what a job printed; empty if it has printed nothing."""
    try:
        content = (folder_of(workspace, job_id) / LOG).read_bytes()
    except FileNotFoundError:
        return ""
    return content[-LOG_TAIL_BYTES:].decode("utf-8", "replace")


def _launcher(arguments: Sequence[str]) -> list[str]:
    """Return torchrun, by its module, for a job with several processes."""
    count = dict(pairwise(arguments)).get(DEVICES, "1")
    if not count.isdecimal() or int(count) < 2:
        return []
    return ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", count]


def _thread_settings() -> dict[str, str]:
    """Return environment variables that keep a job from taking every core from the pages.

    Threads of torch that spin while they wait slow each other and the server down as soon as
    something else runs: with as many threads as cores, training ran at a tenth of its speed.
    """
    cores = os.cpu_count() or 1
    threads = cores - 1 if cores >= MIN_CORES_TO_SPARE_ONE else cores
    return {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": str(threads)}
