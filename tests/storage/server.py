"""A real S3 server for tests: moto's, in a process of its own on loopback, with users and policies."""

import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

WAIT_S = 60
KEY, SECRET = "an-access-key-of-tests", "a-secret-that-nobody-may-see"


def reason_to_skip() -> str:
    """Say why no server can be started here; empty if one can."""
    missing = [name for name in ("s3fs", "moto") if importlib.util.find_spec(name) is None]
    return f"{' and '.join(missing)} not installed: run `make test-scale`" if missing else ""


class S3Server:
    """One port, and at most one server on it at a time; its objects are in its memory."""

    def __init__(self, folder: Path) -> None:
        """Start a server whose log is in `folder`."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self._log = folder / "moto.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start an empty server on the same port."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.uri}/moto-api/data.json", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise TimeoutError("the S3 server did not start")

    def kill(self) -> None:
        """End the server without warning."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def requests(self) -> list[str]:
        """Return the method and the path of each request to S3 in the server's log."""
        lines = self._log.read_text().splitlines()
        asked = [line.split('"')[1] for line in lines if '"' in line]
        return [" ".join(line.split()[:2]) for line in asked if "/moto-api" not in line]

    @property
    def client(self) -> Any:
        """A client of the server, as botocore makes it."""
        from botocore.session import Session

        return Session().create_client(
            "s3",
            endpoint_url=self.uri,
            region_name="us-east-1",
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
        )


def environment(server: S3Server) -> dict[str, str]:
    """Return the environment of a process that uses the server."""
    return {
        "AWS_ENDPOINT_URL": server.uri,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
