"""Which exports of a model there are, and the commands that make and read them."""

import zipfile
from pathlib import Path

import pytest

from core.artifacts.folders import delete_artifact
from core.errors import MissingError
from core.models.exports import ModelFormat, exported_file
from core.models.torch_export import export_torch
from core.progress import finish
from core.workspace import Workspace
from tests.factories.networks import CLASSES, publish_network
from tests.support.commands import in_this_process

pytestmark = pytest.mark.usefixtures("small_networks")


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


@pytest.mark.filterwarnings("error")
def test_both_commands_print_their_results(workspace: Workspace, tmp_path: Path) -> None:
    publish_network(workspace, backbone="resnet18", batch_norm=False, trainable_blocks=2)
    made = {}
    for model_format in ModelFormat:
        options = ("--model", "some", "--format", model_format, "--json")
        made[model_format] = in_this_process(workspace.home, "export-model", *options).result
        path = Path(made[model_format]["path"])
        assert path == exported_file(workspace, "some", model_format)
        assert made[model_format]["size_bytes"] == path.stat().st_size
    with zipfile.ZipFile(made[ModelFormat.TORCH]["path"]) as archive:
        file = archive.extract("model.safetensors", tmp_path)
    imported = in_this_process(tmp_path, "import-model", file, "--name", "back", "--json").result
    assert (imported["id"], imported["classes"]) == ("back", CLASSES)
