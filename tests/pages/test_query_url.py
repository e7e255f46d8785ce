"""An image is searched by its URL on the Query page, where that is allowed."""

from collections.abc import Iterator
from typing import Any

import pytest
from streamlit import config
from streamlit.testing.v1 import AppTest

from core.datasets.links import ROOTS_VARIABLE
from core.net import public_fetch
from core.query.query import Query
from core.workspace import Workspace
from state import remote_images
from tests.factories.images import png, speckled
from tests.support.local_server import LocalServer, serve
from tests.support.page_fixtures import Open


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Listen on loopback, as the project's configuration says."""
    for variable in (remote_images.VARIABLE, ROOTS_VARIABLE):  # Also what a server sets is undone
        monkeypatch.setenv(variable, "")
        monkeypatch.delenv(variable)
    names = ("server.address", "server.allowedHosts")
    before = {name: config.get_option(name) for name in names}
    listen("127.0.0.1", "localhost", "127.0.0.1")
    yield
    for name, value in before.items():
        config.set_option(name, value)


def listen(address: str | None, *hosts: str) -> None:
    config.set_option("server.address", address)
    config.set_option("server.allowedHosts", list(hosts))


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalServer]:
    """A web server whose address is taken for public."""
    monkeypatch.setattr(public_fetch, "is_public", lambda _: True)
    page = b"<!DOCTYPE html><html><img src=cat.png></html>"
    with serve(page=page, text=b"hello", **{"cat.png": png(speckled("red", 3))}) as running:
        yield running


def enter(app: AppTest, url: str) -> AppTest:
    [field] = [each for each in app.text_input if str(each.key).startswith("query-url-")]
    field.set_value(url)
    return app.run()


def asked(app: AppTest) -> Query:
    query: Query = app.session_state["selection"].query
    return query


def fields(app: AppTest) -> list[Any]:
    return [each for each in app.text_input if str(each.key).startswith("query-url-")]


@pytest.mark.slow
def test_an_image_is_searched_by_its_url(full: Workspace, visit: Open, web: LocalServer) -> None:
    app = enter(visit("query"), f" {web.url}/cat.png ")
    assert not app.exception
    assert not app.error
    assert len(asked(app).images) == 1
    assert any("cat" in caption.value for caption in app.caption)
    assert [field.value for field in fields(app)] == [""]
    assert web.asked == ["/cat.png"]
    app.run()
    assert web.asked == ["/cat.png"]  # It is kept, and not fetched again


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("page", "The address leads to a web page, not to an image."),
        ("text", "text is not an image."),
        ("gone.png", "returned HTTP status 404."),
    ],
)
def test_what_is_no_image_is_one_sentence(
    full: Workspace, visit: Open, web: LocalServer, path: str, sentence: str
) -> None:
    app = enter(visit("query"), f"{web.url}/{path}")
    assert not app.exception
    [error] = app.error
    assert sentence in error.value.replace("\\", "")
    assert asked(app).images == ()
    enter(app, f"{web.url}/cat.png")
    assert not app.error
    assert len(asked(app).images) == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:8501/x.png", "http://10.0.0.1/x", "cat.png"])
def test_private_addresses_and_other_texts_are_refused(
    full: Workspace, visit: Open, url: str
) -> None:
    [error] = enter(visit("query"), url).error
    assert "private network" in error.value or "is not a web address" in error.value


def test_a_server_that_is_open_to_others_downloads_nothing(full: Workspace, visit: Open) -> None:
    listen("0.0.0.0", "localhost", "gpu.example.org")
    assert fields(visit("query")) == []


@pytest.mark.parametrize(
    ("address", "hosts", "variable", "allowed"),
    [
        ("127.0.0.1", ["localhost", "127.0.0.1"], "", True),
        ("::1", ["localhost", "::1"], "", True),
        ("localhost", ["localhost"], "", True),
        ("127.0.0.1", [], "", False),  # Any name: perhaps of a proxy
        ("127.0.0.1", ["localhost", "search.example.org"], "", False),
        ("0.0.0.0", ["localhost"], "", False),
        (None, ["localhost"], "", False),
        ("0.0.0.0", ["gpu.example.org"], "1", True),
        ("127.0.0.1", ["localhost"], "0", False),
        ("127.0.0.1", ["localhost"], "no", False),
    ],
)
def test_where_urls_are_allowed(
    monkeypatch: pytest.MonkeyPatch,
    address: str | None,
    hosts: list[str],
    variable: str,
    allowed: bool,
) -> None:
    listen(address, *hosts)
    monkeypatch.setenv(remote_images.VARIABLE, variable)
    assert remote_images.are_allowed() == allowed
