"""A training under a launcher, here scripts that play launcher and training."""

import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from core.errors import WorkbenchError
from core.progress import Measurement, Progress, Stop, Work, finish
from core.training.config import TrainConfig
from core.training.launched import LAUNCH, run_launched
from core.training.launchers import COMMAND, Launcher
from core.training.run_process import is_running
from core.training.runs import (
    Run,
    RunStatus,
    append_metrics,
    folder_of,
    read_run,
    request_pause,
    run_exists,
    start_run,
)
from core.workspace import Workspace

TRAINING = """
import json, os, sys, time
from pathlib import Path

folder = Path(sys.argv[sys.argv.index("--launched") + 1])

def tell(kind, **content):
    with (folder / "events.jsonl").open("a") as file:
        file.write(json.dumps({"kind": kind, "time": 0.0, **content}) + chr(10))

def is_stopped():
    return bool((folder / "stop").read_bytes())
"""
"""What scripts start with that play the launched training."""

BEGIN = "tell('progress', done=1, total=4, note='epoch 1')\n"


@pytest.fixture(autouse=True)
def polls_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.training.launched.POLL_S", 0.01)


@pytest.fixture
def run(workspace: Workspace) -> Run:
    return start_run(workspace, TrainConfig(dataset="colors"), "one")


def launcher(script: str, *arguments: str, stop: tuple[str, ...] = ()) -> Launcher:
    command = (sys.executable, "-S", "-c", TRAINING + script, *arguments, COMMAND)
    return Launcher(name="script", command=command, stop=stop)


def run_until(work: Work[object], note: str) -> None:
    while True:
        event = next(work)
        if isinstance(event, Progress) and event.note == note:
            return


def stop(work: Work[Any]) -> Any:
    """Throw a stop in, and run to the end."""
    try:
        work.throw(Stop())
    except StopIteration as end:
        return end.value
    return finish(work)


def told_process(work: Work[Any]) -> int:
    """Run until the launched script has told the id of a process as its progress."""
    while True:
        event = next(work)
        if isinstance(event, Progress) and event.note.isdecimal():
            return int(event.note)


def test_events_are_relayed_up_to_the_result(workspace: Workspace, run: Run) -> None:
    script = f"""{BEGIN}
tell('measurement', curve='step', values={{'loss': 0.5}})
tell('result', result={{'id': 'model-1'}})
"""
    work = run_launched(workspace, run, launcher(script), 1)
    run_until(work, "epoch 1")
    assert is_running(read_run(workspace, "one"))
    while (event := next(work)) != Measurement("step", {"loss": 0.5}):
        assert event == Progress(1, 4, "epoch 1")
    assert finish(work) == {"id": "model-1"}
    assert not is_running(read_run(workspace, "one"))


def test_the_launched_command_resumes_the_run(workspace: Workspace, run: Run) -> None:
    script = "tell('result', result={'arguments': sys.argv[1:], 'here': os.getcwd()})"
    result = finish(
        run_launched(workspace, run, launcher(script, "{nodes}", "{run}", "{launch}"), 3)
    )
    nodes, run_id, launch, *command = result["arguments"]
    assert (nodes, run_id) == ("3", "one")
    assert launch.startswith("one-")
    folder = str(folder_of(workspace, "one") / LAUNCH)
    assert command == [
        *(sys.executable, "-m", "core", "resume", "--run-id", "one"),
        *("--home", str(workspace.home), "--launched", folder),
    ]
    recorded = read_run(workspace, "one")
    assert (recorded.launcher, recorded.nodes) == ("script", 3)


def test_a_failed_training_has_its_own_sentence(workspace: Workspace, run: Run) -> None:
    script = "tell('failed', message='It failed. Try again.'); sys.exit(1)"
    with pytest.raises(WorkbenchError) as raised:
        finish(run_launched(workspace, run, launcher(script), 1))
    assert str(raised.value) == "It failed. Try again."
    failed = read_run(workspace, "one")
    assert (failed.status, failed.message) == (RunStatus.FAILED, "It failed. Try again.")


def test_an_unexpected_error_is_no_error_of_the_launcher(workspace: Workspace, run: Run) -> None:
    script = "tell('failed', message='Unexpected error; details are in the log.'); sys.exit(1)"
    with pytest.raises(WorkbenchError, match=r"^Unexpected error; details are in the log\. Resume"):
        finish(run_launched(workspace, run, launcher(script), 1))


def test_a_run_that_has_deleted_itself_can_be_stopped_again(
    workspace: Workspace, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.training.launched.SHOW_EVERY_S", 0.0)
    script = f"""{BEGIN}
import shutil
while not is_stopped(): time.sleep(0.01)
shutil.rmtree(folder.parent)
time.sleep(0.5)
"""
    work = run_launched(workspace, run, launcher(script), 1)
    run_until(work, "epoch 1")
    work.throw(Stop())
    while run_exists(workspace, "one"):
        next(work)
    with pytest.raises(Stop):
        stop(work)


def test_a_training_that_its_launcher_restarted_has_not_failed(
    workspace: Workspace, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = f"tell('failed', message='A. B.')\n{BEGIN}tell('result', result={{'id': 'model'}})"
    assert finish(run_launched(workspace, run, launcher(script), 1)) == {"id": "model"}
    slow = f"{BEGIN}tell('failed', message='A. B.')\ntime.sleep(60)"
    monkeypatch.setattr("core.training.launched.SHOW_EVERY_S", 0.0)
    work = run_launched(workspace, run, launcher(slow), 1)
    run_until(work, "waiting for script to restart it")
    work.close()
    failing = f"tell('failed', message='A. B.')\n{BEGIN}sys.exit(3)"
    with pytest.raises(WorkbenchError, match="“script” ended with status 3 before the training"):
        finish(run_launched(workspace, run, launcher(failing), 1))


def test_a_launcher_that_is_not_there_is_one_sentence(workspace: Workspace, run: Run) -> None:
    missing = Launcher(name="slurm", command=("no-such-srun", COMMAND))
    with pytest.raises(WorkbenchError, match="“slurm” cannot start “no-such-srun”: No such file"):
        finish(run_launched(workspace, run, missing, 1))
    assert read_run(workspace, "one").status == RunStatus.FAILED


def test_a_stop_reaches_the_training_by_a_file(workspace: Workspace, run: Run) -> None:
    script = f"""{BEGIN}
while not is_stopped(): time.sleep(0.01)
tell('result', result={{'id': 'best'}})
"""
    work = run_launched(workspace, run, launcher(script), 1)
    run_until(work, "epoch 1")
    assert stop(work) == {"id": "best"}


def test_a_paused_training_stays(workspace: Workspace, run: Run) -> None:
    script = f"{BEGIN}\nwhile not is_stopped(): time.sleep(0.01)\ntell('stopped')"
    work = run_launched(workspace, run, launcher(script), 1)
    run_until(work, "epoch 1")
    request_pause(workspace, "one")
    with pytest.raises(Stop):
        stop(work)
    assert read_run(workspace, "one").status == RunStatus.PAUSED


def test_a_stop_before_the_first_epoch_leaves_no_run(workspace: Workspace, run: Run) -> None:
    """As it waits in a queue, where nothing reads the file, its launcher is ended at once."""
    work = run_launched(workspace, run, launcher("time.sleep(60)"), 1)
    run_until(work, "waiting for script")
    started = time.monotonic()
    with pytest.raises(Stop):
        stop(work)
    assert time.monotonic() - started < 10
    assert not run_exists(workspace, "one")


STUBBORN = """
import signal, subprocess
signal.signal(signal.SIGTERM, signal.SIG_IGN)
task = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"],
                        start_new_session=True)
tell('progress', done=1, total=4, note=str(task.pid))
time.sleep(60)
"""


@pytest.mark.slow
def test_a_launcher_that_does_not_end_is_killed_with_its_tasks(
    workspace: Workspace, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("STOP_GRACE_S", "EXIT_GRACE_S"):
        monkeypatch.setattr(f"core.training.launched.{name}", 0.3)
    append_metrics(folder_of(workspace, "one"), {"epoch": 1})
    stopped = tmp_path / "stopped"
    stubborn = launcher(STUBBORN, stop=("touch", str(stopped) + "-{run}"))
    work = run_launched(workspace, run, stubborn, 1)
    task = psutil.Process(told_process(work))
    with pytest.raises(Stop):
        stop(work)
    assert (tmp_path / "stopped-one").exists()
    psutil.wait_procs([task], timeout=5)
    assert not task.is_running()
    assert read_run(workspace, "one").status == RunStatus.PAUSED


def test_a_launcher_that_stays_after_the_result_is_ended(
    workspace: Workspace, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.training.launched.EXIT_GRACE_S", 0.3)
    script = "tell('result', result={'id': 'model', 'pid': os.getpid()}); time.sleep(60)"
    result = finish(run_launched(workspace, run, launcher(script), 1))
    assert not psutil.pid_exists(result["pid"])


def test_a_closed_work_leaves_no_process(workspace: Workspace, run: Run) -> None:
    script = "tell('progress', done=1, total=4, note=str(os.getpid())); time.sleep(60)"
    work = run_launched(workspace, run, launcher(script), 1)
    process = told_process(work)
    work.close()
    assert not psutil.pid_exists(process)
