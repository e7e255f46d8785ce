"""A workspace that release 0.1.0 made; see tests/fixtures/README.md."""

import json
import zipfile
from pathlib import Path

import pytest

from core.workspace import Workspace, open_workspace

ARCHIVE = Path(__file__).parents[1] / "fixtures" / "workspace_0_1.zip"
MODEL = "shapes-mobilenet_v3_large"
INDEX = f"{MODEL}-flat"


@pytest.fixture
def old_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Unpack and open the old workspace; its weights file lies in it, as when it was made."""
    home = tmp_path / "old"
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(home)
    record = home / "data" / "runs" / "paused" / "run.json"
    content = json.loads(record.read_text())
    content["config"]["weights"] = str(home / "weights.pth")
    record.write_text(json.dumps(content))
    monkeypatch.setenv("WORKBENCH_HOME", str(home))
    return open_workspace(home)
