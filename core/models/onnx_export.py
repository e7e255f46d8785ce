"""ONNX export: a model as one file, whose outputs are compared with torch's.

Shapes, in this file: N images, S pixels a side, D embedding dimensions, C classes.
"""

import json
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.jit._trace import TracerWarning
from torch.nn import functional

from core.artifacts.exports import publish_export
from core.artifacts.folders import draft
from core.errors import WorkbenchError
from core.models.backbones import find_backbone
from core.models.exports import ModelFormat, file_name
from core.models.model import Model, load_model
from core.models.network import EmbeddingNetwork
from core.models.pooling import pooled_side
from core.progress import Progress, Work
from core.workspace import Workspace

OPSET = 17
"""The first version with layer normalization; runtimes since 2022 read it."""

INPUT, OUTPUTS = "pixels", ("embeddings", "probabilities")
MAX_DIFFERENCE = 1e-4
"""Largest difference of outputs, all within ±1, from torch's; 1e-6 was measured."""

TEST_BATCHES = (1, 3)


class _AverageBlocks(nn.Module):
    """`AdaptiveAvgPool2d` as two matrix products; ONNX has it for divisors of the side only."""

    def __init__(self, side: int, pooled_side: int) -> None:
        super().__init__()
        weights = functional.adaptive_avg_pool1d(torch.eye(side), pooled_side)
        self.register_buffer("weights", weights)

    def forward(self, features: Tensor) -> Tensor:
        weights = self.get_buffer("weights")  # (side, pooled side), columns add up to 1
        return weights.T @ features @ weights


class _Exported(nn.Module):
    """The network with probabilities in place of scores; without them if it has no classes."""

    def __init__(self, network: EmbeddingNetwork) -> None:
        super().__init__()
        self.network = network
        self.outputs = OUTPUTS if network.config.num_classes else OUTPUTS[:1]

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        embeddings, scores = self.network(pixels)
        return (embeddings, functional.softmax(scores, dim=1))[: len(self.outputs)]


def export_onnx(workspace: Workspace, model_id: str) -> Work[Path]:
    """Write a model for ONNX runtimes, replacing an earlier export.

    Returns:
        A file with the input `pixels`, (N, 3, S, S) float32 normalized by the mean and deviation in
        its metadata, and the outputs `embeddings`, (N, D) unit rows, and, if the model has classes,
        `probabilities`, (N, C); for any N.

    Raises:
        MissingError: There is no such model.
        DamagedArtifactError: A file of it was changed.
        WorkbenchError: Its outputs differ from torch's.
    """
    yield Progress(0, 0, "opening the model")
    model = load_model(workspace, model_id)
    exported = _Exported(model.network.cpu()).eval()
    yield Progress(0, 0, "computing what is expected")
    expected = [_run_torch(exported, batch) for batch in _test_batches(model)]
    with draft(workspace.exports) as folder:
        file = folder / file_name(model_id, ModelFormat.ONNX)
        yield Progress(0, 0, "writing ONNX")
        _write(exported, model, file)
        yield Progress(0, 0, "comparing with torch")
        _refuse_differences(model_id, expected, [_run_onnx(file, b) for b in _test_batches(model)])
        return publish_export(workspace, model.manifest, file)


def _test_batches(model: Model) -> list[Tensor]:
    """Return batches of random pixels, the same at every call."""
    generator, side = torch.Generator().manual_seed(0), model.config.image_size
    return [torch.randn(count, 3, side, side, generator=generator) for count in TEST_BATCHES]


def _write(exported: _Exported, model: Model, file: Path) -> None:
    [sample, *_] = _test_batches(model)
    network = exported.network
    with torch.inference_mode():
        side = network.extract_features(sample).shape[-1]
    pooled = pooled_side(find_backbone(model.config.backbone), model.config.pooling)
    if pooled > 1:
        network.add_module("pool", _AverageBlocks(side, pooled))
    with warnings.catch_warnings(), torch.no_grad():
        # The newer exporter, which torch recommends, needs another package
        warnings.simplefilter("ignore", DeprecationWarning)
        # Transformers of timm check shapes; the outputs of several batches are compared below
        warnings.filterwarnings("ignore", category=TracerWarning)
        torch.onnx.export(
            exported,
            (sample,),
            file,
            input_names=[INPUT],
            output_names=list(exported.outputs),
            dynamic_axes={name: {0: "batch"} for name in (INPUT, *exported.outputs)},
            opset_version=OPSET,
            dynamo=False,
        )
    _add_metadata(model, file)


def _add_metadata(model: Model, file: Path) -> None:
    """Add metadata for users of a runtime: sizes, numbers and names, as JSON."""
    content = onnx.load(file)
    facts = {
        "model": model.id,
        "image_size": model.config.image_size,
        "mean": model.config.mean,
        "deviation": model.config.deviation,
        "interpolation": model.config.interpolation,
        "fit": model.config.fit,
        "classes": model.classes,
    }
    onnx.helper.set_model_props(content, {key: json.dumps(fact) for key, fact in facts.items()})
    onnx.save(content, file)


def _run_torch(exported: _Exported, batch: Tensor) -> list[NDArray[np.float32]]:
    with torch.inference_mode():
        return [output.numpy() for output in exported(batch)]


def _run_onnx(file: Path, batch: Tensor) -> list[NDArray[np.float32]]:
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    outputs: list[NDArray[np.float32]] = session.run(None, {INPUT: batch.numpy()})
    return outputs


def _refuse_differences(
    model_id: str,
    expected: list[list[NDArray[np.float32]]],
    actual: list[list[NDArray[np.float32]]],
) -> None:
    for batch in zip(expected, actual, strict=True):
        for name, ours, theirs in zip(OUTPUTS, *batch, strict=False):  # One output without classes
            difference = float(np.abs(ours - theirs).max())
            if not difference <= MAX_DIFFERENCE:  # NaN is refused, too
                raise WorkbenchError(
                    f"The {name} of {model_id} differ by {difference:.2g} in ONNX.",
                    "Export it for PyTorch instead.",
                )
