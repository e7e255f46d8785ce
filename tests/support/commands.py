"""Headless commands, in this process or in one of their own."""

import json
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from core import cli
from core.workspace import PROJECT


@dataclass(frozen=True)
class Ended:
    """What a command left: its exit status and what it wrote."""

    status: int
    stdout: str
    stderr: str

    @property
    def result(self) -> dict[str, Any]:
        """The one JSON object on stdout."""
        assert self.status == 0, self.stderr
        [line] = self.stdout.splitlines()
        content = json.loads(line)
        assert isinstance(content, dict)
        return content


def in_this_process(home: Path, *arguments: str) -> Ended:
    """Run a command where torch is loaded already."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    stdout, stderr = StringIO(), StringIO()
    try:
        with redirect_stdout(stdout), redirect_stderr(stderr):
            status = cli.main([*arguments, "--home", str(home)])
    except SystemExit as end:  # argparse's way out
        status = int(end.code or 0)
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
    assert "Traceback" not in stderr.getvalue(), stderr.getvalue()
    return Ended(status, stdout.getvalue(), stderr.getvalue())


def start(home: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "core", *arguments, "--home", str(home)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: "subprocess.Popen[str]") -> Ended:
    try:
        stdout, stderr = process.communicate(timeout=240)
    finally:
        process.kill()
    assert "Traceback" not in stderr, stderr
    return Ended(process.returncode, stdout, stderr)


def in_a_process(home: Path, *arguments: str) -> Ended:
    return ended(start(home, *arguments))
