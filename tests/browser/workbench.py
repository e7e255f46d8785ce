"""A real server for browser tests, and what they need to know about its pages."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Self

import psutil
from playwright.sync_api import ConsoleMessage, Error, Page

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
        script: Path = ROOT / "Home.py",
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


class PageProblems:
    """What went wrong inside a page, collected while a test drives it."""

    def __init__(self, page: Page) -> None:
        """Listen to `page` from now on."""
        self.uncaught: list[str] = []
        """Exceptions that no script caught."""
        self.console: list[str] = []
        """What was logged as an error."""
        page.on("pageerror", self._note_exception)
        page.on("console", self._note_message)

    def _note_exception(self, error: Error) -> None:
        self.uncaught.append(error.stack or error.message)

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.console.append(f"{message.text} ({message.location['url']})")


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
