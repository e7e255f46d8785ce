"""A host name that is not allowed gets a page that says what to set."""

from typing import Any

import pytest
from streamlit import config

from state.host_guard import HEALTH, HostGuard
from tests.support.asynchronous import run


@pytest.fixture(autouse=True)
def allowed() -> Any:
    before = config.get_option("server.allowedHosts")
    config.set_option("server.allowedHosts", ["localhost", "*.example.org"])
    yield
    config.set_option("server.allowedHosts", before)


def answer(host: str, path: str = "/", kind: str = "http") -> tuple[int, str]:
    """Return status and text of the answer to a request; 0 if the app has it."""
    sent: list[dict[str, Any]] = []
    passed = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        passed.append(scope["path"])

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    scope = {"type": kind, "path": path, "headers": [(b"host", host.encode("latin-1"))]}
    run(HostGuard(app)(scope, receive, send))
    if passed:
        assert not sent
        return 0, ""
    return sent[0]["status"], b"".join(each.get("body", b"") for each in sent).decode()


@pytest.mark.parametrize("host", ["localhost", "localhost:8501", "LOCALHOST", "gpu.example.org"])
def test_allowed_names_reach_the_app(host: str) -> None:
    assert answer(host) == (0, "")


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("evil.test", "evil.test"),
        ("evil.test:8501", "evil.test"),
        ("10.0.0.7:80", "10.0.0.7"),
        ("[fd00::5]:8501", "fd00::5"),
        ('x"><script>alert(1)</script>', "NAME"),
        ("", "NAME"),
        ("a b; rm -r ~", "NAME"),
    ],
)
@pytest.mark.parametrize("path", ["/", "/query", "/_stcore/host-config", "/media/x.png"])
def test_other_names_get_a_page_that_says_what_to_set(host: str, shown: str, path: str) -> None:
    status, page = answer(host, path)
    assert status == 403
    assert f"<b>{shown}</b>" in page
    assert f"make run HOST={shown}</code>" in page
    assert f'STREAMLIT_SERVER_ALLOWED_HOSTS="localhost 127.0.0.1 {shown}"' in page
    assert "<script>" not in page
    assert "example.org" not in page  # A website could read what is allowed


def test_health_is_answered_under_any_name() -> None:
    assert answer("evil.test", HEALTH) == (0, "")


def test_streamlit_itself_refuses_websockets() -> None:
    assert answer("evil.test", "/_stcore/stream", kind="websocket") == (0, "")
