"""Addresses of images on the Datasets page."""

import pytest

from core.datasets.importing.scan import add_folder
from core.datasets.importing.sources import folder_source
from core.datasets.splits import SplitConfig
from core.net.object_paths import folder_of
from core.net.remote_address import ROOTS_VARIABLE
from core.progress import finish
from core.workspace import Workspace
from state import resources
from tests.storage.conftest import WebServer, images
from tests.support.page_fixtures import Open, last_job, stop_jobs, texts


@pytest.fixture
def address(web: WebServer) -> str:
    """The address of 9 images in three classes."""
    web.put({f"pets/{path}": content for path, content in images(9).items()})
    return f"{web.url}/pets/"


@pytest.mark.slow
def test_an_address_is_listed_by_a_button_and_imported(
    empty: Workspace, visit: Open, web: WebServer, address: str
) -> None:
    app = visit("datasets")
    app.text_input(key="datasets-folder").set_value(address).run()
    assert web.asked == []  # Not for each letter that is typed
    assert not app.button(key="datasets-folder-go").disabled
    app.button(key="datasets-folder-list").click().run()
    assert "**9 images** · 3 classes" in texts(app)
    assert len(app.dataframe[0].value) == 3
    app.button(key="datasets-folder-go").click().run()
    assert last_job() == ("scan", address, "--name", "pets")
    stop_jobs()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("https://me:pw-1@example.org/a/", "has a user name or password in it"),
        ("https://example.org/a/?X-Amz-Signature=pw-1", "such as a signature"),
        ("http://example.org/a/", "read without encryption"),
    ],
)
def test_secrets_and_other_addresses_start_no_job(
    full: Workspace, visit: Open, text: str, sentence: str
) -> None:
    app = visit("datasets")
    app.session_state["datasets-tool"] = ("Import", 0)
    app.run()
    app.text_input(key="datasets-folder").set_value(text).run()
    shown = texts(app).replace("\\", "")
    assert sentence in shown
    assert "pw-1" not in shown
    assert app.button(key="datasets-folder-go").disabled
    app.session_state["datasets-tool"] = ("Add images", 0)
    app.run()
    app.segmented_control(key="datasets-add-source").set_value("Folder").run()
    app.text_input(key="datasets-add-folder").set_value(text).run()
    assert sentence in texts(app).replace("\\", "")
    assert app.button(key="datasets-add-folder-go").disabled
    assert resources.jobs().views() == []


@pytest.mark.slow
def test_only_addresses_that_the_administrator_allows_are_offered(
    empty: Workspace,
    visit: Open,
    web: WebServer,
    address: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(ROOTS_VARIABLE, "https://example.org/")
    app = visit("datasets")
    app.text_input(key="datasets-folder").set_value(address).run()
    assert "This server does not read images from" in texts(app).replace("\\", "")
    assert app.button(key="datasets-folder-go").disabled
    assert web.asked == []


@pytest.mark.slow
def test_a_dataset_whose_server_is_away_can_be_looked_at(
    empty: Workspace, visit: Open, web: WebServer, address: str
) -> None:
    source = folder_source(folder_of(address))
    finish(add_folder(empty, "pets", source, SplitConfig()))
    web.stop()
    app = visit("datasets")
    assert not app.exception
    assert not [button for button in app.button if button.key == "datasets-folder-missing"]
    assert "9" in texts(app)
    app.session_state["datasets-tool"] = ("Rescan", 0)
    app.run()
    assert "cannot be reached" in texts(app).replace("\\", "")
    app.session_state["datasets-tool"] = ("Folders", 0)
    app.run()
    assert address in [code.value for code in app.code]
