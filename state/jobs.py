"""The job board: queues, launches, follows and stops jobs in background threads.

A job is a headless command in a child process of its own session. Its thread waits for its lane,
launches it, reads the events that it appends to a file, and saves the latest state as an immutable
`JobView`, which the pages read at any time. Records are on disk, so the next server finds the jobs
again. Independent of Streamlit.
"""

import atexit
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from subprocess import Popen

import psutil

from core.jobs import processes
from core.jobs.events import EventReader
from core.jobs.records import (
    ACTIVE,
    EVENTS,
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
from core.workspace import Workspace
from state.job_views import JobView, with_events

logger = logging.getLogger(__name__)

POLL_S = 0.1


class JobBoard:
    """All jobs of one workspace. Jobs of one lane run one after the other."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._views: dict[str, JobView] = {}
        self._lock = threading.Lock()
        for record in list_records(workspace):
            self._recover(record)
        atexit.register(self._report_running)

    def start(
        self,
        arguments: Sequence[str],
        title: str,
        lane: str,
        dataset: str = "",
        follow_up: Sequence[str] = (),
        follow_up_title: str = "",
    ) -> JobRecord:
        """Queue `python -m core ARGUMENTS`, which starts at once if its lane is free.

        If it succeeds, the arguments in `follow_up` are queued as the next job of the lane.
        """
        record = new_record(
            tuple(arguments), title, lane, dataset, tuple(follow_up), follow_up_title
        )
        write_record(self.workspace, record)
        self._put(JobView(record))
        self._supervise(record)
        return record

    def stop(self, job_id: str) -> None:
        """Request that a job ends and saves its partial result; return at once."""
        self._update(job_id, lambda view: replace(view, stopping=view.active))
        request_stop(self.workspace, job_id)

    def views(self) -> list[JobView]:
        """Return all jobs, newest first."""
        with self._lock:
            views = list(self._views.values())
        return sorted(views, key=lambda view: view.record.created, reverse=True)

    def view(self, job_id: str) -> JobView | None:
        """Return a job, or None if there is none of that id."""
        with self._lock:
            return self._views.get(job_id)

    def active(self) -> list[JobView]:
        """Return the queued and running jobs, oldest first."""
        return [view for view in reversed(self.views()) if view.active]

    def log_of(self, job_id: str) -> str:
        """Return the end of what a job printed."""
        return processes.log_tail(self.workspace, job_id)

    def wait(self, job_id: str, timeout: float) -> JobView:
        """Wait until a job has ended, at most `timeout` seconds; for scripts and tests."""
        deadline = time.monotonic() + timeout
        while self._views[job_id].active and time.monotonic() < deadline:
            time.sleep(POLL_S)
        return self._views[job_id]

    def _recover(self, record: JobRecord) -> None:
        """Restore a job of an earlier server, and follow it if it has not ended."""
        view = JobView(record)
        reader = EventReader(folder_of(self.workspace, record.id) / EVENTS)
        self._put(with_events(view, reader.new_events()))
        if record.status == Status.QUEUED:  # The server may have ended before it saved the process
            process = processes.find_process(self.workspace, record)
            record = self._save_process(record, process) if process else record
        if record.status in ACTIVE:
            self._supervise(record)

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
                process = processes.launch(self.workspace, record)
                record = self._save_process(record, psutil.Process(process.pid))
            self._follow(record, process)
        except Exception:  # The edge of the thread: an error must not end it silently
            logger.exception("Following job %s failed", record.id)
            self._end(record, Status.FAILED, "The job could not be followed; see the server's log.")

    def _await_turn(self, record: JobRecord) -> bool:
        """Wait until no earlier job of the lane is active; return False on a stop request."""
        while not stop_requested(self.workspace, record.id):
            if not any(
                view.record.lane == record.lane
                and (view.record.created, view.record.id) < (record.created, record.id)
                for view in self.active()
            ):
                return True
            time.sleep(POLL_S)
        return False

    def _save_process(self, record: JobRecord, process: psutil.Process) -> JobRecord:
        record = replace(
            record,
            status=Status.RUNNING,
            process_id=process.pid,
            process_started=process.create_time(),
        )
        write_record(self.workspace, record)
        self._update(record.id, lambda view: replace(view, record=record))
        if not processes.lower_priority(process):
            logger.info("Job %s keeps its priority", record.id)
        return record

    def _follow(self, record: JobRecord, process: "Popen[bytes] | None") -> None:
        reader = EventReader(folder_of(self.workspace, record.id) / EVENTS)
        self._update(record.id, lambda view: JobView(record))
        stop_sent: float | None = None
        alive = True
        while alive:
            alive = process.poll() is None if process else is_alive(record)
            events = reader.new_events()
            if events:
                self._update(record.id, lambda view, new=events: with_events(view, new))
            if stop_sent is None and stop_requested(self.workspace, record.id):
                stop_sent = time.monotonic()
                self._update(record.id, lambda view: replace(view, stopping=True))
                processes.send_signal(record, signal.SIGTERM)
            if stop_sent is not None and time.monotonic() - stop_sent > processes.grace_s(record):
                processes.send_signal(record, signal.SIGKILL)
            if alive:
                time.sleep(POLL_S)
        self._conclude(record, was_stopped=stop_sent is not None)

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

    def _report_running(self) -> None:
        for record in [view.record for view in self.active() if is_alive(view.record)]:
            sys.stderr.write(
                f"{record.title} continues without the server. To stop it: "
                f"python -m core jobs --home {self.workspace.home} --stop {record.id}\n"
            )
