"""A trained model as one ONNX file, which is tried before anybody gets it.

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
from torch.nn import functional

from core.artifacts.exports import publish_export
from core.artifacts.folders import draft
from core.errors import WorkbenchError
from core.models.backbones import find_backbone
from core.models.exports import ModelFormat, file_name
from core.models.model import Model, load_model
from core.models.network import EmbeddingNetwork
from core.models.pooling import find_pooling, pooled_side
from core.models.preprocessing import IMAGENET_DEVIATION, IMAGENET_MEAN
from core.progress import Progress, Work
from core.workspace import Workspace

OPSET = 17
"""The first with layer normalization; runtimes since 2022 read it."""

INPUT, OUTPUTS = "pixels", ("embeddings", "probabilities")
MAX_DIFFERENCE = 1e-4
"""How far its numbers, all within ±1, may be from torch's; 1e-6 was seen."""

TRIED_BATCHES = (1, 3)


class _AverageBlocks(nn.Module):
    """`AdaptiveAvgPool2d` as two matrix products, as ONNX has it for divisors of the side only."""

    def __init__(self, side: int, pooled_side: int) -> None:
        super().__init__()
        weights = functional.adaptive_avg_pool1d(torch.eye(side), pooled_side)
        self.register_buffer("weights", weights)

    def forward(self, features: Tensor) -> Tensor:
        weights = self.get_buffer("weights")  # (side, pooled side), columns add up to 1
        return weights.T @ features @ weights


class _Exported(nn.Module):
    """The network with probabilities in place of scores, without them where it has no classes."""

    def __init__(self, network: EmbeddingNetwork) -> None:
        super().__init__()
        self.network = network
        self.outputs = OUTPUTS if network.config.num_classes else OUTPUTS[:1]

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        embeddings, scores = self.network(pixels)
        return (embeddings, functional.softmax(scores, dim=1))[: len(self.outputs)]


def export_onnx(workspace: Workspace, model_id: str) -> Work[Path]:
    """Write a model for ONNX runtimes, in place of an earlier export.

    Returns:
        A file that turns `pixels`, (N, 3, S, S) float32 normalized by the mean and deviation in
        its metadata, into `embeddings`, (N, D) unit rows, and `probabilities`, (N, C), where the
        model knows classes; for any N.

    Raises:
        MissingError: There is no such model.
        DamagedArtifactError: A file of it was changed.
        WorkbenchError: Its numbers in ONNX are others than in torch.
    """
    yield Progress(0, 0, "opening the model")
    model = load_model(workspace, model_id)
    exported = _Exported(model.network.cpu()).eval()
    yield Progress(0, 0, "computing what is expected")
    expected = [_run_torch(exported, batch) for batch in _tried(model)]
    with draft(workspace.exports) as folder:
        file = folder / file_name(model_id, ModelFormat.ONNX)
        yield Progress(0, 0, "writing ONNX")
        _write(exported, model, file)
        yield Progress(0, 0, "comparing with torch")
        _refuse_differences(model_id, expected, [_run_onnx(file, b) for b in _tried(model)])
        return publish_export(workspace, model.manifest, file)


def _tried(model: Model) -> list[Tensor]:
    """Return random pixels, the same ones each time."""
    generator, side = torch.Generator().manual_seed(0), model.config.image_size
    return [torch.randn(count, 3, side, side, generator=generator) for count in TRIED_BATCHES]


def _write(exported: _Exported, model: Model, file: Path) -> None:
    [sample, *_] = _tried(model)
    network = exported.network
    with torch.inference_mode():
        side = network.tail(network.frozen(sample)).shape[-1]
    wanted = pooled_side(find_backbone(model.config.backbone), find_pooling(model.config.pooling))
    if wanted > 1:
        network.add_module("pool", _AverageBlocks(side, wanted))
    with warnings.catch_warnings(), torch.no_grad():
        # The newer exporter, which torch recommends here, needs one more package
        warnings.simplefilter("ignore", DeprecationWarning)
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
    _describe(model, file)


def _describe(model: Model, file: Path) -> None:
    """Add what a runtime's user has to know: sizes, numbers and names, as JSON."""
    content = onnx.load(file)
    facts = {
        "model": model.id,
        "image_size": model.config.image_size,
        "mean": IMAGENET_MEAN,
        "deviation": IMAGENET_DEVIATION,
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
    found: list[list[NDArray[np.float32]]],
) -> None:
    for batch in zip(expected, found, strict=True):
        for name, ours, theirs in zip(OUTPUTS, *batch, strict=False):  # One without classes
            difference = float(np.abs(ours - theirs).max())
            if not difference <= MAX_DIFFERENCE:  # Nor NaN
                raise WorkbenchError(
                    f"The {name} of {model_id} differ by {difference:.2g} in ONNX.",
                    "Export it for PyTorch instead.",
                )
