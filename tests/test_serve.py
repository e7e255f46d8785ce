"""`make run HOST=…` sets address and host names together, and the served app checks them."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

import serve

ROOT = Path(__file__).parent.parent


def test_without_a_host_the_configuration_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(serve.ALLOWED, raising=False)
    assert serve.settings_for("") == {}
    monkeypatch.setenv(serve.ALLOWED, "localhost a.example.org")
    assert serve.settings_for("") == {}


def test_names_separated_by_commas_are_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(serve.ALLOWED, "localhost,a.example.org, b.example.org")
    names = serve.settings_for("")[serve.ALLOWED].split()
    assert names == ["localhost", "a.example.org", "b.example.org"]


def test_a_host_sets_address_and_names() -> None:
    settings = serve.settings_for("gpu.example.org")
    assert settings["STREAMLIT_SERVER_ADDRESS"] == "0.0.0.0"
    names = settings["STREAMLIT_SERVER_ALLOWED_HOSTS"].split(" ")
    assert {"gpu.example.org", "localhost", "127.0.0.1", socket.gethostname()} <= set(names)
    assert settings["STREAMLIT_BROWSER_SERVER_ADDRESS"] == "gpu.example.org"


def test_make_passes_the_host() -> None:
    assert "serve.py $(HOST)" in (ROOT / "Makefile").read_text()


@pytest.mark.slow
def test_what_is_no_host_name_is_refused() -> None:
    command = [sys.executable, "serve.py", "http://x"]
    wrong = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (wrong.returncode, wrong.stderr.strip()) == (1, "“http://x” is not a host name.")


@pytest.mark.slow
def test_a_wrong_file_of_launchers_is_a_sentence_at_start(tmp_path: Path) -> None:
    (tmp_path / "launchers.toml").write_text("[slurm]\ncommand = 'srun {command}'\n")
    wrong = subprocess.run(
        [sys.executable, "serve.py"],
        cwd=ROOT,
        env=os.environ | {"WORKBENCH_LAUNCHERS": str(tmp_path / "launchers.toml")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert wrong.returncode == 1
    assert wrong.stderr.startswith(f"The file of launchers {tmp_path}/launchers.toml is wrong: ")
    assert wrong.stderr.count("\n") == 1


def status_of(port: int, host: str) -> int:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", headers={"Host": host})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.slow
def test_the_served_app_accepts_its_names_only(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {"WORKBENCH_HOME": str(tmp_path), "STREAMLIT_SERVER_PORT": str(port)}
    server = subprocess.Popen(
        [sys.executable, "serve.py", "localhost"],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                assert status_of(port, "localhost") == 200
                break
            except OSError:
                time.sleep(0.2)
        assert status_of(port, f"127.0.0.1:{port}") == 200
        assert status_of(port, "evil.example") == 403
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)
