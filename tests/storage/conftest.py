"""Fixtures of the tests of images that are not on this machine's disk."""

import http.server
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from core.net import object_store
from core.net.cache_eviction import SIZE_VARIABLE
from core.net.object_paths import FOLDER_VARIABLE
from core.net.remote_address import ROOTS_VARIABLE
from core.workspace import Workspace
from tests.factories.images import png, speckled
from tests.storage.server import S3Server, environment, reason_to_skip

BUCKET = "pictures"


@pytest.fixture(autouse=True)
def cache(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of this test's own; no server is known to be away."""
    folder = workspace.home / "cache"
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    for variable in (SIZE_VARIABLE, ROOTS_VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(object_store, "_away", {})
    return folder


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server, one for the whole run."""
    if reason := reason_to_skip():
        pytest.skip(reason)
    server = S3Server(tmp_path_factory.mktemp("s3"))
    yield server
    server.kill()


@pytest.fixture
def s3(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """The server with one empty bucket, configured by the environment."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment(s3_server).items():
        monkeypatch.setenv(name, value)
    if s3_server.is_dead:
        s3_server.start()
    s3_server.empty(BUCKET)
    yield s3_server
    object_store._s3_store.cache_clear()


def images(count: int) -> dict[str, bytes]:
    """Return path → content of different images in three class folders."""
    colors = ("red", "green", "blue")
    return {
        f"{colors[number % 3]}/{number:03}.png": png(speckled(colors[number % 3], number))
        for number in range(count)
    }


@dataclass
class WebServer:
    """A folder that is served with pages of links, as many web servers do."""

    url: str
    """Without a slash at its end."""

    folder: Path
    asked: list[str] = field(default_factory=list)
    """Method and path of each request."""

    status: dict[str, int] = field(default_factory=dict)
    """Path → status with which it is answered."""

    stop: Callable[[], None] = lambda: None
    """End it without warning."""

    def put(self, files: dict[str, bytes]) -> None:
        """Write files."""
        for path, content in files.items():
            target = self.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)

    def asked_for(self, method: str, suffix: str = ".png") -> list[str]:
        """Return the paths of the requests of a method, sorted; the next call has only new ones."""
        found = [line.split()[1] for line in self.asked if line.startswith(f"{method} ")]
        self.asked.clear()
        return sorted(path for path in found if path.endswith(suffix))


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WebServer]:
    """A web server on loopback."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def send_head(self) -> Any:
            server.asked.append(f"{self.command} {self.path}")
            status = server.status.get(self.path, 200)
            if status == 200:
                return super().send_head()
            self.send_response(status)
            self.send_header("Location", "http://192.0.2.1/elsewhere.png")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None

        def log_message(self, format: str, *args: Any) -> None:
            pass

    handler = partial(Handler, directory=str(folder))
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    httpd.daemon_threads = True
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
    thread.start()

    def stop() -> None:
        if thread.is_alive():
            httpd.shutdown()
            thread.join()
            httpd.server_close()

    server = WebServer(f"http://127.0.0.1:{httpd.server_port}", folder, stop=stop)
    yield server
    stop()
