"""Which exports of a model there are, and the commands that make and read them."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from core.artifacts.folders import delete_artifact
from core.errors import MissingError
from core.models.exports import ModelFormat, exported_file
from core.models.model import Model
from core.models.torch_export import export_torch
from core.progress import finish
from core.workspace import PROJECT, Workspace
from tests.factories.networks import CLASSES, publish_network


def test_an_export_is_found_until_its_model_changes(workspace: Workspace) -> None:
    publish_network(workspace, backbone="resnet18")
    assert exported_file(workspace, "some", ModelFormat.TORCH) is None
    path = finish(export_torch(workspace, "some"))
    assert exported_file(workspace, "some", ModelFormat.TORCH) == path
    assert exported_file(workspace, "some", ModelFormat.ONNX) is None
    assert finish(export_torch(workspace, "some")) == path

    delete_artifact(workspace.models, "some")
    with pytest.raises(MissingError):
        exported_file(workspace, "some", ModelFormat.TORCH)
    assert publish_network(workspace, backbone="resnet18").id == "some"
    assert exported_file(workspace, "some", ModelFormat.TORCH) is None
    finish(export_torch(workspace, "some"))
    assert not path.exists()


def test_both_commands_print_their_results(resnet: tuple[Workspace, Model], tmp_path: Path) -> None:
    workspace, _ = resnet

    def run(*arguments: str) -> dict[str, Any]:
        ended = subprocess.run(
            [sys.executable, "-m", "core", *arguments, "--json"],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        assert "Warning" not in ended.stderr
        content = json.loads(ended.stdout)
        assert isinstance(content, dict)
        return content

    made = {}
    for model_format in ModelFormat:
        options = ("--format", model_format, "--home", str(workspace.home))
        made[model_format] = run("export-model", "--model", "some", *options)
        path = Path(made[model_format]["path"])
        assert path == exported_file(workspace, "some", model_format)
        assert made[model_format]["size_bytes"] == path.stat().st_size
    with zipfile.ZipFile(made[ModelFormat.TORCH]["path"]) as archive:
        file = archive.extract("model.safetensors", tmp_path)
    imported = run("import-model", file, "--name", "back", "--home", str(tmp_path))
    assert (imported["id"], imported["classes"]) == ("back", CLASSES)
