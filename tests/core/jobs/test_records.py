import json
from dataclasses import replace

import psutil

from core.jobs.records import (
    RECORD,
    JobRecord,
    Status,
    folder_of,
    is_alive,
    list_records,
    write_record,
)
from core.workspace import DISK_VERSION, Workspace

JOB = JobRecord(id="train-1", arguments=("train",), title="Training", lane="compute", created=1.0)


def test_a_record_reads_back_as_it_was_written(workspace: Workspace) -> None:
    record = replace(JOB, dataset="pets", follow_up=("check",), status=Status.RUNNING)
    write_record(workspace, record)
    assert list_records(workspace) == [record]


def test_a_record_of_release_0_1_is_read_with_its_dataset(workspace: Workspace) -> None:
    write_record(workspace, replace(JOB, dataset="pets"))
    path = folder_of(workspace, JOB.id) / RECORD
    content = json.loads(path.read_text())
    content["about"] = content.pop("dataset")
    del content["disk_version"]
    path.write_text(json.dumps(content))
    assert list_records(workspace) == [replace(JOB, dataset="pets")]


def test_a_record_of_a_newer_version_is_skipped(workspace: Workspace) -> None:
    write_record(workspace, JOB)
    write_record(workspace, replace(JOB, id="train-2", disk_version=DISK_VERSION + 1))
    assert list_records(workspace) == [JOB]


def test_a_damaged_record_is_skipped(workspace: Workspace) -> None:
    folder = workspace.jobs / "broken"
    folder.mkdir(parents=True)
    for content in ("", "{", "[]", json.dumps({"id": "x"})):
        (folder / RECORD).write_text(content)
        assert list_records(workspace) == []


def test_another_process_with_the_same_id_is_not_taken_for_the_job() -> None:
    own = psutil.Process()
    record = replace(JOB, process_id=own.pid, process_started=own.create_time())
    assert is_alive(record)
    assert not is_alive(replace(record, process_started=own.create_time() - 60))
    assert not is_alive(JOB)
