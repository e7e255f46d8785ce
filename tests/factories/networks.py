"""Models with random weights, for tests that need no training."""

import zipfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from core.artifacts.folders import draft, publish
from core.models.backbone_layers import build_backbone
from core.models.backbones import BACKBONES
from core.models.model import Model, load_model, write_weights
from core.models.network import EmbeddingNetwork, NetworkConfig
from core.models.torch_export import export_torch
from core.progress import finish
from core.workspace import Workspace

QUICK_BACKBONES = ("resnet18", "mobilenet_v3_large", "efficientnet_lite0")
EVERY_BACKBONE = [
    pytest.param(name, marks=() if name in QUICK_BACKBONES else pytest.mark.slow)
    for name, backbone in BACKBONES.items()
    if not backbone.hub
]
"""Names for `parametrize`: a VGG alone takes two seconds to build."""

OF_TORCHVISION = [each for each in EVERY_BACKBONE if not BACKBONES[str(each.values[0])].timm_name]

CLASSES = ["blue", "größer", "red"]
SIDE = 64


def publish_network(
    workspace: Workspace,
    stem: str = "some",
    *,
    side: int = SIDE,
    classes: Sequence[str] = CLASSES,
    **settings: Any,
) -> Model:
    """Make a model with random weights and fitted norms, without which all embeddings are alike."""
    config = NetworkConfig(image_size=side, num_classes=len(classes), **settings)
    network = EmbeddingNetwork(config)
    fit_norms(network, side)
    with draft(workspace.models) as folder:
        write_weights(network, folder)
        manifest = publish(
            folder,
            kind="model",
            stem=stem,
            config={"network": asdict(config)},
            made_from={"dataset": "colors", "dataset_fingerprint": "some"},
            summary={"classes": list(classes)},
        )
    return load_model(workspace, manifest.id)


def backbone_file(path: Path, backbone: str, side: int = 32) -> Path:
    """Write a file of a backbone's random weights."""
    network = build_backbone(BACKBONES[backbone])
    fit_norms(network, side)
    torch.save(network.state_dict(), path)
    return path


def fit_norms(network: nn.Module, side: int) -> None:
    """Set batch norms to the statistics of random images."""
    for part in network.modules():
        part.training = True
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            part.momentum = None  # The statistics of the one batch
    grain = torch.linspace(0, 1.5, 16).reshape(16, 1, 1, 1)  # From plain colors to noise
    with torch.no_grad():
        network(torch.randn(16, 3, 1, 1) + grain * torch.randn(16, 3, side, side))
    network.eval()


def noise_batch() -> NDArray[np.uint8]:
    """Return two images of noise, (2, 3, SIDE, SIDE)."""
    generator = np.random.default_rng(0)
    return generator.integers(0, 255, (2, 3, SIDE, SIDE), dtype=np.uint8)


def unpacked_export(workspace: Workspace, model: Model, folder: Path) -> Path:
    """Export a model for torch, and unpack the zip."""
    with zipfile.ZipFile(finish(export_torch(workspace, model.id))) as archive:
        archive.extractall(folder)
    return folder
