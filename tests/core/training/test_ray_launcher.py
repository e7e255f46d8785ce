"""Ray Train starts the processes of a command, and again if one fails."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.training.ray_launcher import main
from core.workspace import PROJECT

SCRIPT = """
import os, sys
from pathlib import Path
names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_WORLD_SIZE", "MASTER_PORT")
rank = os.environ["RANK"]
starts = Path(sys.argv[1], rank)
with starts.open("a") as file:
    file.write(" ".join(os.environ[name] for name in names) + chr(10))
sys.exit(rank == "1" and len(starts.read_text().splitlines()) == 1)
"""
"""Writes its variables; the second process fails at its first start."""


@pytest.mark.scale
def test_ray_train_starts_all_processes_again_if_one_fails(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    pytest.importorskip("pydantic", reason="Ray Train needs it: pip install 'ray[train]'")
    options = [
        "--address",
        "local",
        "--processes",
        "2",
        "--cpus",
        "0.5",
        "--storage",
        str(tmp_path),
    ]
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    ended = subprocess.run(
        [sys.executable, "-m", "core.training.ray_launcher", *options, "--", *command],
        cwd=PROJECT,
        env=os.environ | {"RAY_TMPDIR": "/tmp", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    first, second = ((tmp_path / rank).read_text().splitlines() for rank in "01")
    assert len(second) == 2
    assert first[-1].split()[:5] == ["0", "2", "0", "2", "1"]
    assert second[-1].split()[:5] == ["1", "2", "1", "2", "1"]
    assert first[-1].split()[5] == second[-1].split()[5]  # Where they meet


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="Ray is installed")
def test_without_ray_it_is_a_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RAY_TRAIN_V2_ENABLED", "RAY_USAGE_STATS_ENABLED"):
        monkeypatch.setenv(name, "")  # What it sets is gone with the test
    assert main(["--processes", "2", "--", "python"]) == 1
    assert capsys.readouterr().err.startswith("Ray Train is not installed (No module named 'ray')")
