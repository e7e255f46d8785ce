import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.jobs.events import EventWriter
from core.jobs.records import (
    EVENTS,
    JobRecord,
    Status,
    folder_of,
    is_alive,
    list_active,
    list_records,
    new_record,
    request_stop,
    write_record,
)
from core.progress import Measurement
from core.workspace import Workspace
from state.jobs import JobBoard
from tests.factories.images import class_folders
from tests.support.processes import wait_for

ENDLESS = ["generate", "--name", "many", "--per-class", "100000"]


@pytest.fixture
def board(workspace: Workspace, forked: None) -> Iterator[JobBoard]:
    board = JobBoard(workspace)
    yield board
    for view in board.active():
        board.stop(view.record.id)
    for view in board.views():
        board.wait(view.record.id, timeout=30)


def wait_until_running(board: JobBoard, record: JobRecord) -> JobRecord:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        view = board.view(record.id)
        if view and view.progress.total:
            return view.record
        time.sleep(0.05)
    raise TimeoutError(board.log_of(record.id))


@pytest.mark.slow
def test_a_job_has_the_result_of_its_command(workspace: Workspace, tmp_path: Path) -> None:
    board = JobBoard(workspace)  # Here each process is started as in the app
    folder = class_folders(tmp_path / "in", red=3, blue=3)
    record = board.start(["scan", str(folder), "--name", "colors"], "Bringing in", "import")

    view = board.wait(record.id, timeout=60)

    assert view.record.status == Status.DONE, board.log_of(record.id)
    assert view.result is not None
    assert (view.result["name"], view.result["num_images"]) == ("colors", 6)
    assert (workspace.datasets / "colors" / "catalog.sqlite").exists()


def test_a_failed_job_has_the_message_of_the_error(board: JobBoard) -> None:
    record = board.start(["scan", "/nowhere", "--name", "x"], "Bringing in", "import")
    view = board.wait(record.id, timeout=60)
    assert view.record.status == Status.FAILED
    assert view.message == "There is no folder /nowhere. Check the path and try again."
    assert view.message in board.log_of(record.id)


@pytest.mark.slow
def test_a_stop_is_acknowledged_at_once_and_leaves_nothing(
    board: JobBoard, workspace: Workspace
) -> None:
    record = wait_until_running(board, board.start(ENDLESS, "Drawing", "import"))

    asked = time.monotonic()
    board.stop(record.id)
    acknowledged = board.view(record.id)

    assert time.monotonic() - asked < 1
    assert acknowledged is not None
    assert acknowledged.stopping
    assert board.wait(record.id, timeout=30).record.status == Status.STOPPED
    assert list(workspace.datasets.iterdir()) == []


@pytest.mark.slow
def test_jobs_of_one_lane_run_one_after_the_other(board: JobBoard) -> None:
    first = wait_until_running(board, board.start(ENDLESS, "First", "compute"))
    second = board.start(["scan", "/nowhere", "--name", "x"], "Second", "compute")
    beside = board.start(["scan", "/nowhere", "--name", "x"], "Beside", "import")

    assert board.wait(beside.id, timeout=60).record.status == Status.FAILED
    waiting = board.view(second.id)
    assert waiting is not None
    assert waiting.record.status == Status.QUEUED
    board.stop(first.id)
    assert board.wait(second.id, timeout=60).record.status == Status.FAILED


@pytest.mark.slow
def test_a_job_stopped_while_it_waits_never_starts(board: JobBoard) -> None:
    first = wait_until_running(board, board.start(ENDLESS, "First", "compute"))
    second = board.start(ENDLESS, "Second", "compute")
    board.stop(second.id)
    view = board.wait(second.id, timeout=10)
    assert view.record.status == Status.STOPPED
    assert view.record.process_id == 0
    assert is_alive(first)


def test_a_killed_job_is_interrupted_and_not_done(board: JobBoard, workspace: Workspace) -> None:
    record = wait_until_running(board, board.start(ENDLESS, "Drawing", "import"))
    os.kill(record.process_id, signal.SIGKILL)
    assert board.wait(record.id, timeout=30).record.status == Status.INTERRUPTED
    assert [folder.name[:7] for folder in workspace.datasets.iterdir()] == [".draft-"]


@pytest.mark.slow
def test_the_next_server_follows_a_job_that_still_runs(workspace: Workspace) -> None:
    script = (
        "import sys, time; from pathlib import Path; from core.workspace import Workspace; "
        "from state.jobs import JobBoard; board = JobBoard(Workspace(Path(sys.argv[1])));"
        f"job = board.start({ENDLESS!r}, 'Drawing', 'import');"
        "\nwhile not board.view(job.id).progress.total: time.sleep(0.05)\n"
        "print(job.id, flush=True); time.sleep(60)"
    )
    server = subprocess.Popen(
        [sys.executable, "-c", script, str(workspace.home)], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    job_id = server.stdout.readline().strip()
    server.kill()
    server.communicate()

    board = JobBoard(workspace)

    view = board.view(job_id)
    assert view is not None
    assert view.record.status == Status.RUNNING
    assert is_alive(view.record)
    board.stop(job_id)
    assert board.wait(job_id, timeout=30).record.status == Status.STOPPED


def test_the_next_server_marks_a_job_without_a_process_as_interrupted(workspace: Workspace) -> None:
    record = JobRecord(
        id="train-1",
        arguments=("train",),
        title="Training",
        lane="compute",
        created=1.0,
        status=Status.RUNNING,
        process_id=999_999_999,
        process_started=1.0,
    )
    write_record(workspace, record)
    board = JobBoard(workspace)
    assert board.wait("train-1", timeout=10).record.status == Status.INTERRUPTED


def test_the_next_server_reads_the_last_events_of_a_job(workspace: Workspace) -> None:
    record = JobRecord(
        id="train-1", arguments=("train",), title="T", lane="c", created=1.0, status=Status.RUNNING
    )
    write_record(workspace, record)
    log = EventWriter(folder_of(workspace, "train-1") / EVENTS)
    log.report(Measurement("epoch", {"loss": 1.0}))
    log.append("result", result={"id": "model-1"})
    board = JobBoard(workspace)
    view = board.wait("train-1", timeout=10)
    assert view.record.status == Status.DONE
    assert view.result == {"id": "model-1"}
    assert [m["values"] for m in view.measurements] == [{"loss": 1.0}]


def test_running_jobs_are_listed_and_stopped_without_the_board(
    board: JobBoard, workspace: Workspace
) -> None:
    record = wait_until_running(board, board.start(ENDLESS, "Drawing", "import"))
    assert [r.id for r in list_active(workspace)] == [record.id]
    request_stop(workspace, record.id)
    assert board.wait(record.id, timeout=30).record.status == Status.STOPPED
    assert list_active(workspace) == []


@pytest.mark.slow
def test_a_follow_up_is_queued_once_its_job_is_done(
    board: JobBoard, workspace: Workspace, tmp_path: Path
) -> None:
    folder = class_folders(tmp_path / "in", red=3, blue=3)
    verify = ("verify", "--dataset", "colors")
    scan = ["scan", str(folder), "--name", "colors"]
    first = board.start(scan, "Bringing in", "import", "colors", verify, "Verifying")
    again = board.start(scan, "Again", "import", "colors", verify, "Verifying")
    assert board.wait(first.id, timeout=60).record.status == Status.DONE
    assert board.wait(again.id, timeout=60).record.status == Status.FAILED

    wait_for(lambda: any(view.record.title == "Verifying" for view in board.views()))
    (verifying,) = (view.record for view in board.views() if view.record.title == "Verifying")
    view = board.wait(verifying.id, timeout=60)

    assert view.result is not None, board.log_of(verifying.id)
    assert view.result["num_verified"] == 6
    assert (view.record.dataset, view.record.lane) == ("colors", "import")
    assert [record.follow_up for record in list_records(workspace)].count(()) == 1


@pytest.mark.slow
def test_a_job_that_release_0_1_0_queued_runs(workspace: Workspace) -> None:
    arguments = ("draw", "--name", "old", "--per-category", "2")
    record = new_record(arguments, "Drawing the built-in set", "import")
    write_record(workspace, record)
    board = JobBoard(workspace)
    view = board.wait(record.id, timeout=60)
    assert view.result is not None, board.log_of(record.id)
    assert (view.result["name"], view.result["num_images"]) == ("old", 24)
    assert "`draw` is now `generate`" in board.log_of(record.id)
