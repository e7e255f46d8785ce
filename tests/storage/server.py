"""A real S3 server for tests: moto's, in a process of its own on loopback."""

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

WAIT_S = 180
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
        self._seen = 0
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
        self.kill()
        raise TimeoutError("the S3 server did not start")

    def kill(self) -> None:
        """End the server without warning."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def is_dead(self) -> bool:
        """Whether it was killed."""
        return self._process is None

    def empty(self, bucket: str) -> None:
        """Leave the server with one bucket, without objects."""
        self._tell("reset-auth", b"inf")
        self._tell("reset")
        self.client.create_bucket(Bucket=bucket)

    def require_credentials(self) -> None:
        """Answer only to users, of whom there are none."""
        self._tell("reset-auth", b"0")

    def _tell(self, what: str, data: bytes = b"") -> None:
        kind = {"Content-Type": "application/octet-stream"}  # Or Flask reads it as a form
        url = f"{self.uri}/moto-api/{what}"
        request = urllib.request.Request(url, data=data, headers=kind, method="POST")
        urllib.request.urlopen(request, timeout=10).close()

    def put(self, bucket: str, files: dict[str, bytes], *, acl: str = "private") -> None:
        """Write objects."""
        client = self.client
        for key, content in files.items():
            client.put_object(Bucket=bucket, Key=key, Body=content, ACL=acl)

    def asked_for(self, method: str, suffix: str = ".png") -> list[str]:
        """Return the keys of the requests of a method, sorted; the next call has only new ones."""
        lines = self._log.read_text().splitlines()
        lines, self._seen = lines[self._seen :], len(lines)
        found = [line.split('"')[1].split() for line in lines if line.count('"') >= 2]
        paths = [words[1].partition("?")[0] for words in found if words[0] == method]
        return sorted(path.split("/", 2)[-1] for path in paths if path.endswith(suffix))

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
