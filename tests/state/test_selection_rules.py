"""What a tab selects when a job that it started ends."""

from dataclasses import replace

import pytest

from core.commands import COMMANDS, find_command
from core.datasets.registry import Dataset
from core.jobs.records import Status, new_record
from core.lineage.graph import Lineage, read_lineage
from core.workspace import Workspace
from state import selection_rules
from state.job_views import JobView
from state.jobs import JobBoard
from state.session import Selection
from tests.factories.datasets import bring_in
from tests.factories.images import class_folders


@pytest.fixture
def dataset(workspace: Workspace) -> Dataset:
    return bring_in(workspace, class_folders(workspace.home / "in", red=2), "pets")


def adopted(lineage: Lineage, board: JobBoard, verb: str, **result: str) -> Selection:
    """Return the selection of a tab after a job that it started has ended with this result."""
    record = replace(new_record((verb,), "T", "import"), status=Status.DONE)
    board._put(JobView(record, result=result))
    chosen = Selection(launched_jobs=[record.id])
    selection_rules.adopt_results(chosen, board, lineage)
    assert chosen.launched_jobs == []
    return chosen


@pytest.mark.parametrize("verb", ["scan", "unzip", "generate", "download", "draw"])
def test_an_imported_dataset_is_selected(dataset: Dataset, workspace: Workspace, verb: str) -> None:
    board, lineage = JobBoard(workspace), read_lineage(workspace)
    assert adopted(lineage, board, verb, name="pets").dataset == "pets"


@pytest.mark.parametrize(
    ("verb", "field"),
    [
        ("train", "model"),
        ("resume", "model"),
        ("import-model", "model"),
        ("fit-trunk", "model"),
        ("evaluate", "evaluation"),
    ],
)
def test_what_a_job_made_is_selected(workspace: Workspace, verb: str, field: str) -> None:
    chosen = adopted(read_lineage(workspace), JobBoard(workspace), verb, id="made")
    assert getattr(chosen, field) == "made"


@pytest.mark.parametrize("verb", ["verify", "baseline", "sweep", "map", "of-no-release"])
def test_other_jobs_leave_the_selection_as_it_is(workspace: Workspace, verb: str) -> None:
    chosen = adopted(read_lineage(workspace), JobBoard(workspace), verb, id="made")
    assert (chosen.dataset, chosen.model, chosen.index, chosen.evaluation) == (None,) * 4


def test_verbs_that_make_an_index_say_so() -> None:
    makers = {name for name, command in COMMANDS.items() if command.makes == "index"}
    assert makers == {
        *("index", "update-index", "recommend", "import-bundle", "quickstart", "rebuild"),
    }
    assert find_command("of-no-release") is None
