"""The job board: background threads that launch, follow and stop jobs. Knows nothing of Streamlit.

A job is the headless command as a child process in a session of its own. Its thread waits for its
turn, launches it, reads the events that it appends to a file, and keeps the latest as one
immutable `JobView` that the pages read whenever they happen to run. The thread's records are on
disk, so the next server finds the job again.
"""

import atexit
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import psutil

from core.jobs.events import EventReader
from core.jobs.records import (
    ACTIVE,
    EVENTS,
    LOG,
    JobRecord,
    Status,
    folder_of,
    is_alive,
    list_records,
    new_record,
    request_stop,
    stop_requested,
    write_record,
)
from core.workspace import PROJECT, Workspace
from state.job_views import JobView, with_events

logger = logging.getLogger(__name__)

POLL_S = 0.1
GRACE_S = 20.0
"""How long a job may take to save and end after it was asked to stop, before it is killed."""

NICENESS = 10
"""Jobs yield the processor to the pages."""

CORES_TO_SPARE_ONE = 4
"""With fewer, a core left free would cost a job too much."""

DEVICES = "--devices"
"""The option that says how many processes train together."""

LOG_TAIL_BYTES = 20_000


class JobBoard:
    """All jobs of one workspace. Jobs of one lane run one after the other."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._views: dict[str, JobView] = {}
        self._lock = threading.Lock()
        for record in list_records(workspace):
            self._recover(record)
        atexit.register(self._say_what_goes_on)

    def start(
        self,
        arguments: Sequence[str],
        title: str,
        lane: str,
        dataset: str = "",
        follow_up: Sequence[str] = (),
        follow_up_title: str = "",
    ) -> JobRecord:
        """Queue `python -m core ARGUMENTS`; it starts at once if its lane is free.

        If it ends well, the arguments in `follow_up` are queued as the next job of the lane.
        """
        record = new_record(
            tuple(arguments), title, lane, dataset, tuple(follow_up), follow_up_title
        )
        write_record(self.workspace, record)
        self._put(JobView(record))
        self._supervise(record)
        return record

    def stop(self, job_id: str) -> None:
        """Ask a job to finish now and keep what is worth keeping. Returns at once."""
        self._update(job_id, lambda view: replace(view, stopping=view.active))
        request_stop(self.workspace, job_id)

    def views(self) -> list[JobView]:
        """Return all jobs, newest first."""
        with self._lock:
            views = list(self._views.values())
        return sorted(views, key=lambda view: view.record.created, reverse=True)

    def view(self, job_id: str) -> JobView | None:
        """Return one job, or None if there is none of that id."""
        with self._lock:
            return self._views.get(job_id)

    def active(self) -> list[JobView]:
        """Return the jobs that wait or run, oldest first."""
        return [view for view in reversed(self.views()) if view.active]

    def log_of(self, job_id: str) -> str:
        """Return the end of what a job printed."""
        try:
            content = (folder_of(self.workspace, job_id) / LOG).read_bytes()
        except FileNotFoundError:
            return ""
        return content[-LOG_TAIL_BYTES:].decode("utf-8", "replace")

    def command_of(self, record: JobRecord) -> list[str]:
        """Return the command that a job runs, ready to be repeated in a shell."""
        home = ["--home", str(self.workspace.home)]
        return ["python", *_launcher(record.arguments), "-m", "core", *record.arguments, *home]

    def wait(self, job_id: str, timeout: float) -> JobView:
        """Block until the job has ended or `timeout` seconds have passed; for scripts and tests."""
        deadline = time.monotonic() + timeout
        while self._views[job_id].active and time.monotonic() < deadline:
            time.sleep(POLL_S)
        return self._views[job_id]

    def _recover(self, record: JobRecord) -> None:
        """Take up a job of an earlier server where it stands."""
        view = JobView(record)
        reader = EventReader(folder_of(self.workspace, record.id) / EVENTS)
        self._put(with_events(view, reader.new_events()))
        if record.status == Status.QUEUED:
            record = self._find_orphan(record)
        if record.status in ACTIVE:
            self._supervise(record)

    def _find_orphan(self, record: JobRecord) -> JobRecord:
        """Find the process of a server that died between launching it and noting it down."""
        events = str(folder_of(self.workspace, record.id) / EVENTS)
        for process in psutil.process_iter(["cmdline", "create_time"]):
            if events in (process.info["cmdline"] or ()):
                return self._note_process(record, process)
        return record

    def _supervise(self, record: JobRecord) -> None:
        threading.Thread(
            target=self._run, args=(record,), name=f"job-{record.id}", daemon=True
        ).start()

    def _run(self, record: JobRecord) -> None:
        try:
            process = None
            if record.status == Status.QUEUED:
                if not self._await_turn(record):
                    self._end(record, Status.STOPPED)
                    return
                process, record = self._launch(record)
            self._follow(record, process)
        except Exception:  # The edge of the thread: an error must not end it silently
            logger.exception("Following job %s failed", record.id)
            self._end(record, Status.FAILED, "The job could not be followed; see the server's log.")

    def _await_turn(self, record: JobRecord) -> bool:
        """Wait until no earlier job of the lane is active; False if it was stopped meanwhile."""
        while True:
            if stop_requested(self.workspace, record.id):
                return False
            ahead = [
                view
                for view in self.active()
                if view.record.lane == record.lane
                and (view.record.created, view.record.id) < (record.created, record.id)
            ]
            if not ahead:
                return True
            time.sleep(POLL_S)

    def _launch(self, record: JobRecord) -> tuple["subprocess.Popen[bytes]", JobRecord]:
        folder = folder_of(self.workspace, record.id)
        command = [sys.executable, *self.command_of(record)[1:], "--events", str(folder / EVENTS)]
        with (folder / LOG).open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=PROJECT,
                env=os.environ | _processor_share(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C on the server is not for it
            )
        record = self._note_process(record, psutil.Process(process.pid))
        return process, record

    def _note_process(self, record: JobRecord, process: psutil.Process) -> JobRecord:
        record = replace(
            record,
            status=Status.RUNNING,
            process_id=process.pid,
            process_started=process.create_time(),
        )
        write_record(self.workspace, record)
        self._update(record.id, lambda view: replace(view, record=record))
        try:
            process.nice(NICENESS)
        except psutil.Error:  # It ended already, or belongs to somebody else
            logger.info("Job %s keeps its priority", record.id)
        return record

    def _follow(self, record: JobRecord, process: "subprocess.Popen[bytes] | None") -> None:
        reader = EventReader(folder_of(self.workspace, record.id) / EVENTS)
        self._update(record.id, lambda view: JobView(record))
        asked: float | None = None
        alive = True
        while alive:
            alive = process.poll() is None if process else is_alive(record)
            events = reader.new_events()
            if events:
                self._update(record.id, lambda view, new=events: with_events(view, new))
            if asked is None and stop_requested(self.workspace, record.id):
                asked = time.monotonic()
                self._update(record.id, lambda view: replace(view, stopping=True))
                _signal(record, signal.SIGTERM)
            if asked is not None and time.monotonic() - asked > GRACE_S:
                _signal(record, signal.SIGKILL)
            if alive:
                time.sleep(POLL_S)
        self._conclude(record, was_stopped=asked is not None)

    def _conclude(self, record: JobRecord, *, was_stopped: bool) -> None:
        view = self._views[record.id]
        if view.result is not None:
            self._end(record, Status.STOPPED if was_stopped else Status.DONE)
            if record.follow_up and not was_stopped:
                self.start(record.follow_up, record.follow_up_title, record.lane, record.dataset)
        elif view.message:
            self._end(record, Status.FAILED, view.message)
        elif was_stopped:
            self._end(record, Status.STOPPED)
        else:
            self._end(record, Status.INTERRUPTED)

    def _end(self, record: JobRecord, status: Status, message: str = "") -> None:
        ended = replace(record, status=status, ended=time.time())
        write_record(self.workspace, ended)
        self._update(
            record.id,
            lambda view: replace(
                view, record=ended, message=message or view.message, stopping=False
            ),
        )

    def _put(self, view: JobView) -> None:
        with self._lock:
            self._views[view.record.id] = view

    def _update(self, job_id: str, change: Callable[..., JobView]) -> None:
        with self._lock:
            if job_id in self._views:
                self._views[job_id] = change(self._views[job_id])

    def _say_what_goes_on(self) -> None:
        running = [view.record for view in self.active() if is_alive(view.record)]
        for record in running:
            sys.stderr.write(
                f"{record.title} goes on without the server. To stop it: "
                f"python -m core jobs --home {self.workspace.home} --stop {record.id}\n"
            )


def _launcher(arguments: Sequence[str]) -> list[str]:
    """Return torchrun, by its module, for a job that asks for several processes."""
    asked = dict(pairwise(arguments)).get(DEVICES, "1")
    if not asked.isdecimal() or int(asked) < 2:
        return []
    return ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", asked]


def _processor_share() -> dict[str, str]:
    """Return what keeps a job from taking every core from the pages.

    Threads of torch that spin while they wait slow each other and the server down as soon as
    something else runs: with as many as cores, training was seen to fall to a tenth of its speed.
    """
    cores = os.cpu_count() or 1
    threads = cores - 1 if cores >= CORES_TO_SPARE_ONE else cores
    return {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": str(threads)}


def _signal(record: JobRecord, number: signal.Signals) -> None:
    if is_alive(record):
        os.killpg(record.process_id, number)
