"""A model in ONNX has the outputs that it has in torch."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from core.errors import WorkbenchError
from core.models import onnx_export
from core.models.exports import ModelFormat, exported_file
from core.models.model import Model
from core.models.onnx_export import export_onnx
from core.models.preprocessing import normalized
from core.progress import finish
from core.workspace import Workspace
from tests.factories.networks import CLASSES, SIDE, noise_batch, publish_network


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
def test_onnx_of_a_model_without_classes_gives_embeddings_alone(
    unclassified: tuple[Workspace, Model],
) -> None:
    workspace, model = unclassified
    file = finish(export_onnx(workspace, model.id))
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    pixels = normalized(torch.from_numpy(noise_batch()), model.config.preprocessing).numpy()
    [embeddings] = session.run(None, {"pixels": pixels})
    np.testing.assert_allclose(embeddings, model.embed(noise_batch())[0], atol=1e-4)
    assert abs(embeddings[0] - embeddings[1]).max() > 1e-3


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
def test_onnx_of_each_backbone_gives_the_same_outputs(of_each: tuple[Workspace, Model]) -> None:
    workspace, model = of_each
    file = finish(export_onnx(workspace, model.id))
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    pixels = normalized(torch.from_numpy(noise_batch()), model.config.preprocessing).numpy()
    outputs = session.run(["embeddings", "probabilities"], {"pixels": pixels})
    for ours, theirs in zip(outputs, model.embed(noise_batch()), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
    assert abs(outputs[0][0] - outputs[0][1]).max() > 1e-3  # Or any two networks would pass


@pytest.mark.usefixtures("small_networks")
@pytest.mark.filterwarnings("error")
def test_onnx_describes_its_inputs_and_outputs(workspace: Workspace) -> None:
    model = publish_network(workspace, backbone="resnet18", batch_norm=False)
    file = finish(export_onnx(workspace, model.id))
    assert file.name == "some.onnx"
    content = onnx.load(file)
    facts = {entry.key: json.loads(entry.value) for entry in content.metadata_props}
    assert facts == {
        "model": "some",
        "image_size": SIDE,
        "mean": [0.485, 0.456, 0.406],
        "deviation": [0.229, 0.224, 0.225],
        "interpolation": "bilinear",
        "fit": "crop",
        "classes": CLASSES,
    }
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    shapes = {put.name: put.shape for put in [*session.get_inputs(), *session.get_outputs()]}
    assert shapes == {
        "pixels": ["batch", 3, SIDE, SIDE],
        "embeddings": ["batch", 128],
        "probabilities": ["batch", 3],
    }


@pytest.mark.usefixtures("small_networks")
def test_onnx_with_different_outputs_is_refused(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = publish_network(workspace, backbone="resnet18")
    monkeypatch.setattr(onnx_export, "MAX_DIFFERENCE", -1.0)  # In place of a faulty operator
    with pytest.raises(WorkbenchError, match="The embeddings of some differ by .* in ONNX"):
        finish(export_onnx(workspace, model.id))
    assert exported_file(workspace, model.id, ModelFormat.ONNX) is None
    assert list(workspace.exports.iterdir()) == []
