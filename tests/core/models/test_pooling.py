"""Pooling of feature maps that are small enough to check by calculation."""

import subprocess
import sys
from dataclasses import asdict

import pytest
import torch

from core.artifacts.folders import draft, publish
from core.models.backbones import BACKBONES
from core.models.model import load_model, write_weights
from core.models.network import EmbeddingNetwork, NetworkConfig
from core.models.pooling import Pooling, build_pool, num_features
from core.workspace import PROJECT, Workspace

RESNET, VGG = BACKBONES["resnet18"], BACKBONES["vgg16"]
MAP = torch.tensor([[[[1.0, 2.0], [3.0, -4.0]]]])


@pytest.mark.parametrize(
    ("pooling", "value"),
    [
        ("own", (1 + 2 + 3 - 4) / 4),
        ("average", (1 + 2 + 3 - 4) / 4),
        ("max", 3.0),
        ("gem", ((1 + 8 + 27 + 0) / 4) ** (1 / 3)),  # Negative values count as 0
    ],
)
def test_a_map_is_pooled_to_the_expected_value(pooling: str, value: float) -> None:
    pooled = build_pool(RESNET, Pooling(pooling))(MAP)
    assert pooled.shape == (1, 1, 1, 1)
    assert pooled.item() == pytest.approx(value)


def test_a_map_of_zeros_has_a_mean_and_a_gradient() -> None:
    features = torch.zeros(1, 2, 3, 3, requires_grad=True)
    pooled = build_pool(RESNET, Pooling.GEM)(features)
    pooled.sum().backward()
    assert features.grad is not None
    assert torch.isfinite(features.grad).all()
    assert (pooled <= 1e-5).all()


def test_the_generalized_mean_is_computed_in_float32_at_least() -> None:
    pool = build_pool(RESNET, Pooling.GEM)
    assert pool(MAP.bfloat16()).dtype == torch.float32
    assert pool(MAP.double()).dtype == torch.float64


@pytest.mark.parametrize("pooling", Pooling)
def test_vgg_has_49_positions_with_its_own_pooling_only(pooling: Pooling) -> None:
    expected = 25_088 if pooling == Pooling.OWN else 512
    assert num_features(VGG, pooling) == expected
    assert build_pool(VGG, pooling)(torch.rand(2, 512, 9, 9)).flatten(1).shape == (2, expected)
    config = NetworkConfig(backbone="vgg16", pooling=pooling, image_size=32, num_classes=3)
    with torch.device("meta"):
        assert EmbeddingNetwork(config).project.in_features == expected


@pytest.mark.slow
def test_a_network_without_classes_gives_no_scores() -> None:
    config = NetworkConfig(backbone="resnet18", image_size=32, num_classes=0)
    embeddings, scores = EmbeddingNetwork(config)(torch.randn(2, 3, 32, 32))
    assert (embeddings.shape, scores.shape) == ((2, 128), (2, 0))


@pytest.mark.slow
def test_a_model_from_before_poolings_could_be_chosen_still_opens(workspace: Workspace) -> None:
    config = NetworkConfig(backbone="resnet18", image_size=32, num_classes=2)
    settings = {key: value for key, value in asdict(config).items() if key != "pooling"}
    with draft(workspace.models) as folder:
        write_weights(EmbeddingNetwork(config), folder)
        old = publish(
            folder,
            kind="model",
            stem="old",
            config={"network": settings},
            made_from={},
            summary={"classes": ["a", "b"]},
        )
    assert load_model(workspace, old.id).config.pooling == "own"


def test_poolings_and_backbones_are_listed_without_torch() -> None:
    script = (
        "import sys, core.models.pooling, core.models.backbone_model_config; "
        "import core.embeddings.config; "
        "print('torch' in sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "False"
