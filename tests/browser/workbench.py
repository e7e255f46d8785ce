"""A real server for browser tests, and what they need to know about its pages."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import deque
from pathlib import Path
from typing import Self

import psutil
from playwright.sync_api import ConsoleMessage, Error, Page, WebSocketRoute
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.support import processes

ROOT = Path(__file__).parents[2]
IDLE = """() => {
  const app = document.querySelector('[data-testid="stApp"]');
  return app && app.getAttribute('data-test-script-state') === 'notRunning'
    && app.getAttribute('data-test-connection-state') === 'CONNECTED';
}"""


class Workbench:
    """One home, one port, and at most one server on them at a time.

    Stopping and starting again keeps both, so that an open page finds its server again.
    """

    def __init__(
        self,
        home: Path,
        environment: dict[str, str] | None = None,
        script: Path = ROOT / "serve.py",
    ) -> None:
        """Start `script` on `home`, with `environment` on top of this process's."""
        self.home = home.resolve()
        self.home.mkdir(parents=True, exist_ok=True)
        self.environment = {"WORKBENCH_HOME": str(self.home), "PYTHONPATH": str(ROOT)}
        self.environment |= environment or {}
        self.script = script
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = self.home / "server.log"
        self.server: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> Self:
        """Start the server, if it does not run, and wait until it answers."""
        if self.server is None:
            command = [sys.executable, "-m", "streamlit", "run", str(self.script)]
            with self.log.open("ab") as log:
                self.server = subprocess.Popen(
                    [*command, f"--server.port={self.port}"],
                    cwd=ROOT,
                    env=os.environ | self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            self._wait_until_healthy()
        return self

    def stop(self) -> None:
        """Ask the server to end, as Ctrl-C does; its jobs go on."""
        if self.server is not None:
            self.server.terminate()
            try:
                self.server.wait(timeout=15)
            except subprocess.TimeoutExpired:
                self.server.kill()
                self.server.wait()
            self.server = None

    def kill(self) -> None:
        """End the server without warning, as a crash does; its jobs go on."""
        if self.server is not None:
            self.server.kill()
            self.server.wait()
            self.server = None

    def restart(self) -> Self:
        """Stop the server and start it again on the same home and port."""
        self.stop()
        return self.start()

    def jobs(self) -> list[psutil.Process]:
        """Return the headless commands that run for this home."""
        return processes.jobs_of_home(self.home)

    def close(self) -> None:
        """End the server and all of its jobs."""
        self.stop()
        processes.end(processes.processes_of_home(self.home))

    def _wait_until_healthy(self, timeout: float = 60) -> None:
        assert self.server is not None
        deadline = time.monotonic() + timeout
        while self.server.poll() is None and time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        self.kill()
        raise TimeoutError(f"{self.url} did not answer:\n{self.log.read_text()[-2000:]}")


MAX_FRAMES = 400
"""Messages of the server that are kept for the report of an exception in the page."""


class PageProblems:
    """What went wrong inside a page, collected while a test drives it."""

    def __init__(self, page: Page) -> None:
        """Listen to `page` from now on."""
        self.uncaught: list[str] = []
        """Exceptions that no script caught."""
        self.console: list[str] = []
        """What was logged as an error."""
        self.before: list[str] = []
        """What the server had sent until the first exception, oldest first."""
        self._frames: deque[str | bytes] = deque(maxlen=MAX_FRAMES)
        page.on("websocket", lambda socket: socket.on("framereceived", self._keep))
        page.on("pageerror", self._note_exception)
        page.on("console", self._note_message)

    def _keep(self, frame: str | bytes) -> None:
        self._frames.append(frame)

    def _note_exception(self, error: Error) -> None:
        self.before = self.before or [_told(frame) for frame in self._frames]
        self.uncaught.append(error.stack or error.message)

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.console.append(f"{message.text} ({message.location['url']})")


def _told(frame: str | bytes) -> str:
    """Return what a message of Streamlit's server says, in one line."""
    message = ForwardMsg.FromString(frame if isinstance(frame, bytes) else frame.encode())
    kind = message.WhichOneof("type") or ""
    if kind in ("delta", "ref_hash"):
        delta = message.delta
        what = delta.WhichOneof("type") or "cached"
        if what == "new_element":
            what = delta.new_element.WhichOneof("type") or what
        fragment = f" in {delta.fragment_id[:8]}" if delta.fragment_id else ""
        return f"{list(message.metadata.delta_path)} {what}{fragment}"
    if kind == "new_session":
        return f"run of {message.new_session.page_script_hash[:8]}"
    return f"{kind} {message.script_finished}" if kind == "script_finished" else kind


class SlowLine:
    """The server's messages to a page, which can be held back for a while."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.held: list[str | bytes] | None = None
        page.route_web_socket(re.compile("/_stcore/stream"), self._connect)

    def _connect(self, socket: WebSocketRoute) -> None:
        self.socket = socket
        socket.connect_to_server().on_message(self._pass_on)

    def _pass_on(self, message: str | bytes) -> None:
        if self.held is None:
            self.socket.send(message)
        else:
            self.held.append(message)

    def hold(self) -> None:
        self.held = []

    def wait_for(self, part: bytes) -> None:
        """Wait until a message that contains `part` is held back."""
        for _ in range(2000):
            if any(part in message for message in self.held or () if isinstance(message, bytes)):
                return
            self.page.wait_for_timeout(10)  # lets playwright take messages in
        raise TimeoutError(f"no message with {part!r}")

    def release(self) -> None:
        for message in self.held or ():
            self.socket.send(message)
        self.held = None


def open_page(page: Page, workbench: Workbench, path: str = "") -> Page:
    """Open a page of the workbench, such as `query?k=5`, and wait until it is drawn."""
    page.goto(f"{workbench.url}/{path}")
    return wait_idle(page)


def wait_idle(page: Page, timeout: float = 60) -> Page:
    """Wait until no script of the page runs, at most `timeout` seconds.

    After a click expect the text it leads to instead: just then the page is still idle.
    """
    page.wait_for_function(IDLE, timeout=timeout * 1000)
    return page


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
