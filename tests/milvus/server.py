"""A real Milvus server for tests: the wheel milvus==2.3.5, in a network namespace of its own.

The wheel opens its ports on all interfaces, so it is started only where there is none but loopback.
"""

import importlib.util
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

RUNNING = "WORKBENCH_TEST_MILVUS_URI"
"""Names a server that runs already, to test another version; it is not killed."""

PORT = 29530
WAIT_S = 180


def reason_to_skip() -> str:
    """Say why no server can be started here; empty if one can."""
    if RUNNING in os.environ:
        return ""
    missing = [name for name in ("pymilvus", "milvus") if importlib.util.find_spec(name) is None]
    if missing:
        return f"{' and '.join(missing)} not installed: run `make test-scale`"
    outside = [name for name, state in psutil.net_if_stats().items() if state.isup and name != "lo"]
    if outside:
        return (
            "the Milvus wheel opens its ports on all interfaces, and here is one beside loopback: "
            "run `make test-scale`, which needs a system that allows network namespaces"
        )
    return ""


class MilvusServer:
    """One folder, one port, and at most one server on them at a time."""

    def __init__(self, folder: Path) -> None:
        """Start a server whose data lie in `folder`."""
        from milvus import MilvusServer as Wheel

        self.uri = f"http://127.0.0.1:{PORT}"
        self.folder = folder
        self._wheel = Wheel(wait_for_started=True)
        self._wheel.set_base_dir(str(folder))
        self._wheel.listen_port = PORT
        self._wheel.start()
        assert self._wheel.listen_port == PORT
        self._metrics_port = self._wheel.webservice_port
        self._process: subprocess.Popen[bytes] | None = self._wheel.server_proc

    def kill(self) -> None:
        """End the server without warning."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def start(self, *, authorized: bool = False, wait: bool = True) -> None:
        """Start the server again, on the same data and ports.

        Args:
            authorized: It asks for a token; root:Milvus is one.
            wait: Until it says that it is healthy.
        """
        config = self.folder / "configs" / "milvus.yaml"
        text = config.read_text()
        for value in ("true", "false"):
            text = text.replace(
                f"authorizationEnabled: {value}", f"authorizationEnabled: {str(authorized).lower()}"
            )
        config.write_text(text)
        self._process = subprocess.Popen(
            [str(self.folder / "bin" / "milvus"), "run", "standalone"],
            cwd=self.folder,
            env=os.environ | self._environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        if wait:
            self._wait_until_healthy()

    @property
    def memory_bytes(self) -> int:
        """Return the resident memory of the server; 0 while it does not run."""
        return psutil.Process(self._process.pid).memory_info().rss if self._process else 0

    def close(self) -> None:
        """End the server and remove its data, which take half a gigabyte."""
        self.kill()
        self._wheel.server_proc = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def _environment(self) -> Mapping[str, str]:
        return {
            "DEPLOY_MODE": "STANDALONE",
            "METRICS_PORT": str(self._metrics_port),
            "MILVUS_RUN_DIR": str(self.folder / "run"),
            "LD_LIBRARY_PATH": f"{self.folder / 'bin'}:{os.environ.get('LD_LIBRARY_PATH', '')}",
        }

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(
                    f"http://127.0.0.1:{self._metrics_port}/healthz", timeout=5
                ) as answer:
                    if b"OK" in answer.read():
                        return
            except (urllib.error.URLError, OSError):
                pass
            time.sleep(0.2)
        raise TimeoutError("the Milvus server did not become healthy")


class RunningServer(MilvusServer):
    """A server that somebody else has started: tests that would end it are skipped."""

    def __init__(self, uri: str) -> None:
        """Take the address of the server."""
        self.uri = uri
        self._process = None

    def kill(self) -> None:
        """Skip the test."""
        pytest.skip(f"kills the server, and {RUNNING} names one that is not killed")

    def close(self) -> None:
        """Leave the server."""
