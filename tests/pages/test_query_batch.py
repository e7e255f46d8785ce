"""The batch form and the matches' popover, each on a page of its own."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.artifacts.folders import list_artifacts
from core.artifacts.manifests import Manifest
from core.jobs.records import Status
from core.progress import finish
from core.query.batch.config import BatchConfig, BatchFormat
from core.query.batch.listing import list_batches
from core.query.batch.run import query_batch
from core.workspace import Workspace
from pages.parts.components.text import plain
from state import resources
from tests.factories.images import class_folders, png, speckled
from tests.support.page_fixtures import texts


def batch_page() -> None:
    from core.lineage.graph import read_lineage
    from pages.parts.query import batch
    from state import resources, session

    [index] = read_lineage(resources.workspace()).indexes
    session.selection().dataset = index.made_from["dataset"]
    batch.show(index)


def take_out_page() -> None:
    from core.datasets.registry import open_dataset
    from core.lineage.graph import read_lineage
    from core.query.result import Match
    from pages.parts.query import export
    from state import resources
    from tests.factories.queries import result_of

    workspace = resources.workspace()
    [index] = read_lineage(workspace).indexes
    dataset = open_dataset(workspace, "colors")
    matches = [Match(row, row.id, 0.5) for row in dataset.catalog.rows(limit=4)]
    export.popover(dataset, result_of(index, matches, name="a/red one.png"))


@pytest.fixture
def app(full: Workspace) -> AppTest:
    return AppTest.from_function(batch_page, default_timeout=60).run()


def index_of(workspace: Workspace) -> Manifest:
    [index], _ = list_artifacts(workspace.indexes)
    return index


def last_job() -> tuple[str, ...]:
    """Stop the job that was just launched, and return what it was to do."""
    [view] = resources.jobs().views()
    resources.jobs().stop(view.record.id)
    resources.jobs().wait(view.record.id, 60)
    assert (view.record.lane, view.record.dataset) == ("compute", "colors")
    return view.record.arguments


def choose_folder(app: AppTest, folder: Path | str) -> AppTest:
    app.segmented_control(key="query-batch-way").set_value("Server folder").run()
    return app.text_input(key="query-batch-folder").set_value(str(folder)).run()


def search(app: AppTest) -> AppTest:
    app.button(key="query-batch-go").click().run()
    assert not app.exception
    return app


def test_nothing_can_be_started_before_queries_are_named(app: AppTest) -> None:
    assert not app.exception
    assert app.button(key="query-batch-go").disabled
    choose_folder(app, "  ")
    assert app.button(key="query-batch-go").disabled


@pytest.mark.slow
def test_a_folder_is_searched_by_a_job_as_it_was_chosen(
    app: AppTest, full: Workspace, tmp_path: Path
) -> None:
    queries = class_folders(tmp_path / "queries", red=2)
    choose_folder(app, queries)
    app.number_input(key="query-batch-k").set_value(25).run()
    app.selectbox(key="query-batch-format").set_value("parquet").run()
    search(app)
    index = index_of(full).id
    options = ("--index", index, "--k", "25", "--format", "parquet")
    assert last_job() == ("query-batch", str(queries), *options)


def test_a_zip_is_kept_for_the_job_which_then_removes_it(
    app: AppTest, full: Workspace, tmp_path: Path
) -> None:
    path = tmp_path / "pets.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", png(speckled("red", seed=0)))
    app.file_uploader[0].set_value((path.name, path.read_bytes(), "application/zip")).run()
    search(app)
    assert not app.file_uploader[0].value
    kept = full.downloads / "uploads" / "pets.zip"
    assert kept.read_bytes() == path.read_bytes()
    assert last_job() == ("query-batch", str(kept), "--remove", "--index", index_of(full).id)


def test_a_folder_that_is_not_there_is_said_and_starts_nothing(app: AppTest) -> None:
    search(choose_folder(app, "/nowhere/[at](all)"))
    said = "There is no folder or zip /nowhere/[at](all). Check the path and try again."
    assert [error.value for error in app.error] == [plain(said)]
    assert resources.jobs().views() == []


@pytest.mark.slow
def test_what_came_of_it_is_said_shown_and_deleted(
    app: AppTest, full: Workspace, tmp_path: Path
) -> None:
    queries = class_folders(tmp_path / "queries", red=2)
    (queries / "red" / "text *1*.png").write_bytes(b"no picture")
    search(choose_folder(app, queries))
    [view] = resources.jobs().views()
    assert resources.jobs().wait(view.record.id, 120).record.status == Status.DONE
    app.run()
    said = texts(app).replace("\\", "")
    [batch] = list_batches(full, "colors")
    assert batch.id in said
    assert "2 of 3 searched, 1 unreadable · 10 matches per query · CSV" in said
    app.session_state[f"query-batch-rows-{batch.id}"] = True
    [rows] = [frame.value for frame in app.run().dataframe]
    assert list(rows["query"]) == ["red/000.png", "red/001.png", "red/text *1*.png"]
    assert list(rows["best"])[:2] == ["red/000.png", "red/001.png"]
    assert rows["problem"][2] == "text *1*.png is not an image."
    app.button(key=f"query-batch-delete-{batch.id}").click().run()
    assert list_batches(full, "colors") == []
    assert batch.id not in texts(app).replace("\\", "")


def test_what_a_dead_process_left_of_a_table_is_removed_when_a_server_starts(
    empty: Workspace,
) -> None:
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"],
        capture_output=True,
        text=True,
        check=True,
    )
    left = empty.batches / f".draft-{gone.stdout.strip()}-0a1b2c3d"
    left.mkdir(parents=True)
    (left / "results.csv").write_text("query,")
    resources.jobs()
    assert list(empty.batches.iterdir()) == []


def test_tables_that_are_many_are_not_all_drawn(full: Workspace, tmp_path: Path) -> None:
    queries = class_folders(tmp_path / "queries", red=1)
    config = BatchConfig(index=index_of(full).id, k=1, format=BatchFormat.PARQUET)
    for _ in range(6):
        finish(query_batch(full, queries, config))
    app = AppTest.from_function(batch_page, default_timeout=60).run()
    assert not app.exception
    deletes = [button.key for button in app.button if "delete" in str(button.key)]
    assert len(deletes) == 5
    assert "1 older ones are in" in texts(app)


def test_the_popover_offers_three_files_named_after_the_query(full: Workspace) -> None:
    app = AppTest.from_function(take_out_page, default_timeout=60).run()
    assert not app.exception
    assert "**4** matches, best first" in texts(app)
    buttons = app.get("download_button")
    assert [button.proto.label for button in buttons][:2] == ["CSV table", "JSON"]
    assert re.fullmatch(r"Zip of the images, [\d.]+ kB", buttons[2].proto.label)
    assert not any(button.proto.disabled for button in buttons)


def test_images_too_large_for_a_download_are_not_packed(
    full: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pages.parts.components.downloads.MAX_DOWNLOADED_BYTES", 1000)
    app = AppTest.from_function(take_out_page, default_timeout=60).run()
    buttons = app.get("download_button")
    assert [button.proto.disabled for button in buttons] == [False, False, True]
    assert "exceeds the download limit of 1.0 kB" in texts(app)
