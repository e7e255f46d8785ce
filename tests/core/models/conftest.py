"""Weights and models with random numbers, shared by the tests of models."""

from pathlib import Path

import pytest
import torch

from core.models.model import Model
from core.workspace import Workspace
from tests.factories.networks import EVERY_BACKBONE, publish_network, unpacked_export
from tests.factories.weights import Tensors, random_tensors


@pytest.fixture(scope="session")
def vgg16() -> Tensors:
    """The backbone's tensors by its own keys, `0.weight` and so on."""
    return random_tensors("vgg16")


@pytest.fixture(scope="session")
def vgg16_bn() -> Tensors:
    return random_tensors("vgg16_bn")


OF_TIMM = [pytest.param(name, marks=pytest.mark.slow) for name in ("test_vit", "mobilevit_xxs")]
"""A transformer and a hybrid; among the others are networks of convolutions only."""


@pytest.fixture(scope="session", params=[*EVERY_BACKBONE, *OF_TIMM])
def of_each(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Workspace, Model]:
    """A model of each backbone, in a workspace of its own."""
    torch.manual_seed(0)
    workspace = Workspace(tmp_path_factory.mktemp("home"))
    return workspace, publish_network(workspace, backbone=request.param)


@pytest.fixture(scope="session")
def resnet(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Model]:
    torch.manual_seed(0)
    workspace = Workspace(tmp_path_factory.mktemp("home"))
    model = publish_network(workspace, backbone="resnet18", batch_norm=False, trainable_blocks=2)
    return workspace, model


@pytest.fixture(scope="session")
def exported(resnet: tuple[Workspace, Model], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked zip of an export."""
    return unpacked_export(*resnet, tmp_path_factory.mktemp("unpacked"))


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(("vgg16_bn", "gem"), marks=pytest.mark.slow),
        ("resnet18", "max"),
        pytest.param(("vgg16", "average"), marks=pytest.mark.slow),
        ("mobilenet_v3_large", "gem"),
    ],
)
def unclassified(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Workspace, Model]:
    """A model without classes, of each other pooling."""
    torch.manual_seed(0)
    workspace = Workspace(tmp_path_factory.mktemp("home"))
    backbone, pooling = request.param
    return workspace, publish_network(workspace, classes=[], backbone=backbone, pooling=pooling)
