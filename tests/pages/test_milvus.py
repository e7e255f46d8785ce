"""Choice of the store on the Indexes page, without a server."""

from importlib.util import find_spec

import pytest
from streamlit.testing.v1 import AppTest

from core.artifacts.folders import draft, list_artifacts, publish
from core.artifacts.manifests import Manifest
from core.indexes.config import StoreName
from core.indexes.info import ExportFormat
from core.indexes.kinds import KINDS
from core.indexes.milvus.address import URI
from core.lineage.graph import read_lineage
from core.maps.config import MapConfig, MapMethod
from core.maps.files import build_map, open_map
from core.progress import finish
from core.workspace import Workspace
from pages.parts.components.scatter_data import ScatterEvent
from state import resources
from tests.support.page_fixtures import Open, open_jobs, texts, wait_for_jobs

NOWHERE = "http://127.0.0.1:1"
UNREACHED = (
    "127.0.0.1:1 does not answer"
    if find_spec("pymilvus")
    else "pip install -r requirements-scale.txt"  # The client is no part of the app's own set-up
)


@pytest.fixture
def far(full: Workspace, monkeypatch: pytest.MonkeyPatch) -> Manifest:
    """A copy of the index of `full` on a server that does not answer."""
    monkeypatch.setenv(URI, NOWHERE)
    [near], _ = list_artifacts(full.indexes)
    with draft(full.indexes) as folder:
        return publish(
            folder,
            kind="index",
            stem="far",
            config=near.config | {"store": "milvus"},
            made_from=near.made_from,
            summary=near.summary
            | {"size_bytes": 0, "collection": "workbench_far", "nlist": 0, "code_bytes": 0},
        )


def choose(app: AppTest, index: Manifest) -> AppTest:
    app.query_params["index"] = index.id
    return app.run()


@pytest.mark.slow
def test_the_store_is_a_choice_only_if_a_server_is_configured(
    full: Workspace, visit: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(URI, raising=False)
    assert "indexes-store" not in [choice.key for choice in visit("indexes").segmented_control]

    monkeypatch.setenv(URI, NOWHERE)
    app = visit("indexes")
    assert len(app.pills(key="indexes-kind").options) == len(KINDS)
    app.segmented_control(key="indexes-store").set_value(StoreName.MILVUS).run()
    assert app.pills(key="indexes-kind").options == [
        "Flat",
        "HNSW",
        "IVF-Flat",
        "IVF-PQ",
        "SQ8",
    ]
    assert "Stored and searched by" in texts(app)
    app.button(key="indexes-build").click().run()
    [job] = resources.jobs().views()
    resources.jobs().stop(job.record.id)
    resources.jobs().wait(job.record.id, 60)
    assert job.record.arguments[-2:] == ("--store", "milvus")


def test_an_invalid_address_shows_a_warning_and_indexes_are_files(
    full: Workspace, visit: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(URI, "somewhere")
    app = visit("indexes")
    assert "is no address of a Milvus server" in texts(app)
    assert "indexes-build" in [button.key for button in app.button]


def test_an_index_on_an_unavailable_server_is_listed_with_a_warning(
    full: Workspace, far: Manifest, visit: Open
) -> None:
    app = choose(visit("indexes"), far)
    assert not app.exception
    [table] = [frame.value for frame in app.dataframe if "kind" in frame.value]
    assert sorted(table["kind"]) == ["Flat", "Flat, on Milvus"]
    assert table["MB"].isna().sum() == 1
    assert "on the server as workbench" in texts(app)
    assert UNREACHED in texts(app).replace("\\", "")


def test_of_an_index_on_a_server_only_embeddings_can_be_exported(
    full: Workspace, far: Manifest, visit: Open
) -> None:
    app = visit("indexes")
    app.session_state["indexes-table"] = {"selection": {"rows": [0], "columns": []}}
    app.run()
    offered = app.selectbox(key="indexes-export-format").options
    assert offered == ["NumPy arrays", "Parquet table"]
    assert len(ExportFormat) == 4


@pytest.mark.slow
def test_deleting_an_index_says_what_stays_on_an_unavailable_server(
    full: Workspace, far: Manifest, visit: Open
) -> None:
    app = visit("indexes")
    app.session_state["indexes-table"] = {"selection": {"rows": [0], "columns": []}}
    app.run()
    assert "Also deleted on the Milvus server" in texts(app)
    app.button(key="indexes-delete").click().run()
    assert far.id not in [index.id for index in list_artifacts(full.indexes)[0]]
    [toast] = app.toast
    assert "stay on the server, as the collection workbench" in str(toast.value)


@pytest.mark.slow
def test_a_query_shows_that_the_server_is_unavailable(
    full: Workspace, far: Manifest, visit: Open
) -> None:
    app = visit("query")
    app.query_params["index"] = far.id
    app.run()
    app.button(key="query-random").click().run()
    assert not app.exception
    assert UNREACHED in texts(app).replace("\\", "")


@pytest.mark.slow
def test_the_map_of_an_index_stays_while_the_server_is_unavailable(
    full: Workspace, far: Manifest, visit: Open
) -> None:
    found = open_map(
        full, finish(build_map(full, MapConfig(index=far.id, method=MapMethod.PCA))).id
    )
    app = choose(visit("explore"), far)
    assert "**PCA in 2D** · " in texts(app)
    app.session_state["selection"].map_event[found.manifest.id] = (
        "",
        ScatterEvent("click", index=4),
    )
    app.run()
    assert not app.exception
    assert "**PCA in 2D** · " in texts(app)
    assert texts(app).replace("\\", "").count(UNREACHED) == 1


@pytest.mark.slow
def test_an_evaluation_says_that_the_server_is_unavailable_and_others_work(
    full: Workspace, far: Manifest, visit: Open
) -> None:
    app = visit("evaluate")
    app.selectbox(key="evaluate-system").set_value(f"index:{far.id}").run()
    app.button(key="evaluate-start").click().run()
    wait_for_jobs()
    assert not app.run().exception
    # The processes that run the jobs of tests were started before the address was configured
    assert "failed. No Milvus server is configured" in open_jobs(app).replace("\\", "")
    [near] = [index for index in list_artifacts(full.indexes)[0] if index.id != far.id]
    app.selectbox(key="evaluate-system").set_value(f"index:{near.id}").run()
    app.button(key="evaluate-start").click().run()
    wait_for_jobs()
    assert len(read_lineage(full).evaluations) == 1


@pytest.mark.slow
def test_the_details_of_an_image_do_without_neighbors_while_the_server_is_unavailable(
    full: Workspace, far: Manifest, visit: Open
) -> None:
    app = choose(visit("datasets"), far)
    app.session_state["selection"].open_image = (1, None)
    app.run()
    assert not app.exception
    assert UNREACHED in texts(app).replace("\\", "")
