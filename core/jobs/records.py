"""Job records on disk: command, process and status of each job, and stop requests.

Processes of jobs are in `processes.py`; `state/jobs.py` queues and follows jobs.
"""

import os
import secrets
import signal
import time
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path

import psutil

from core.artifacts.upgrades import upgrade_job
from core.errors import MissingError
from core.files import read_json, write_json
from core.options import from_json
from core.workspace import DISK_VERSION, Workspace, check_name

RECORD = "job.json"
EVENTS = "events.jsonl"
LOG = "log.txt"
STOP_REQUEST = "stop"
CLOCK_TOLERANCE_S = 2.0
"""Largest difference between the recorded and the actual start time of a process."""


class Status(StrEnum):
    """Status of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    """It ended with an error message."""

    STOPPED = "stopped"
    """It ended by a stop request; a partial result is saved."""

    INTERRUPTED = "interrupted"
    """Its process ended without a message: it was killed, or the machine went down."""


ACTIVE = (Status.QUEUED, Status.RUNNING)


@dataclass(frozen=True, kw_only=True, slots=True)
class JobRecord:
    """A job, as in its `job.json`."""

    id: str
    arguments: tuple[str, ...]
    """Arguments of `python -m core`, the verb first."""

    title: str
    """What it does, as text for users."""

    lane: str
    """Jobs of one lane run one after the other."""

    created: float
    """Seconds since 1970."""

    dataset: str = ""
    """Name of the dataset that it works on; empty if there is none yet."""

    follow_up: tuple[str, ...] = ()
    """Arguments of the job that is queued once this one is done; empty for none."""

    follow_up_title: str = ""

    status: Status = Status.QUEUED
    process_id: int = 0
    process_started: float = 0.0
    """Seconds since 1970; together with the id it identifies the process."""

    ended: float = 0.0
    """Seconds since 1970; 0 until then."""

    disk_version: int = DISK_VERSION
    """Version of the format; an older one is upgraded when it is read."""

    @property
    def verb(self) -> str:
        """Name of its command, such as train."""
        return self.arguments[0]


def new_record(
    arguments: tuple[str, ...],
    title: str,
    lane: str,
    dataset: str = "",
    follow_up: tuple[str, ...] = (),
    follow_up_title: str = "",
) -> JobRecord:
    """Return a queued job with a new id."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    job_id = f"{arguments[0]}-{stamp}-{secrets.token_hex(2)}"
    return JobRecord(
        id=job_id,
        arguments=arguments,
        title=title,
        lane=lane,
        created=time.time(),
        dataset=dataset,
        follow_up=follow_up,
        follow_up_title=follow_up_title,
    )


def folder_of(workspace: Workspace, job_id: str) -> Path:
    """Return the folder of a job."""
    return workspace.jobs / check_name(job_id)


def write_record(workspace: Workspace, record: JobRecord) -> None:
    """Write the record of a job, atomically."""
    folder = folder_of(workspace, record.id)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / RECORD, asdict(record))


def list_records(workspace: Workspace) -> list[JobRecord]:
    """Return all jobs, oldest first.

    Damaged records and those of a newer version of the workbench are skipped.
    """
    records = []
    for path in workspace.jobs.glob(f"*/{RECORD}"):
        try:
            content = read_json(path)
            if content.setdefault("disk_version", 1) < DISK_VERSION:
                content = upgrade_job(content) | {"disk_version": DISK_VERSION}
            if content["disk_version"] > DISK_VERSION:
                continue
            content["arguments"] = tuple(content["arguments"])
            content["follow_up"] = tuple(content["follow_up"])
            content["status"] = Status(content["status"])
            records.append(from_json(JobRecord, content))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return sorted(records, key=lambda record: record.created)


def list_active(workspace: Workspace) -> list[JobRecord]:
    """Return the queued and running jobs, oldest first."""
    return [
        record
        for record in list_records(workspace)
        if record.status == Status.QUEUED or (record.status == Status.RUNNING and is_alive(record))
    ]


def is_alive(record: JobRecord) -> bool:
    """Return whether the process of a job still runs."""
    return is_process(record.process_id, record.process_started)


def is_process(process_id: int, started: float) -> bool:
    """Return whether the process with this id and start time still runs; an id of 0 is none."""
    if not process_id:
        return False
    try:
        process = psutil.Process(process_id)
        same = abs(process.create_time() - started) < CLOCK_TOLERANCE_S
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def request_stop(workspace: Workspace, job_id: str) -> JobRecord:
    """Request that a job ends and saves its partial result; a queued one never starts.

    Raises:
        MissingError: There is no such job.
    """
    by_id = {record.id: record for record in list_records(workspace)}
    if job_id not in by_id:
        raise MissingError(
            f"There is no job “{job_id}”.", "List the jobs with “python -m core jobs”."
        )
    record = by_id[job_id]
    if record.status in ACTIVE:
        (folder_of(workspace, job_id) / STOP_REQUEST).touch()
        if is_alive(record):
            os.kill(record.process_id, signal.SIGTERM)
        elif record.status == Status.QUEUED:
            record = replace(record, status=Status.STOPPED, ended=time.time())
            write_record(workspace, record)
    return record


def stop_requested(workspace: Workspace, job_id: str) -> bool:
    """Return whether there is a stop request for a job."""
    return (folder_of(workspace, job_id) / STOP_REQUEST).exists()
