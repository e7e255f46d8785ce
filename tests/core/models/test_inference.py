"""Networks for inference have no batch norm after a convolution, and give the same outputs."""

import pytest
import torch
from torch import nn

from core.models.inference import folded, for_inference
from core.models.network import EmbeddingNetwork, NetworkConfig

BACKBONES = (
    *("resnet18", "vgg16_bn", "mobilenet_v3_large", "efficientnet_lite0"),
    *("test_efficientnet", "mobilevit_xxs", "test_resnet", "repvgg_a0", "densenet121"),
)


def network_of(backbone: str, trainable_blocks: int = 0) -> EmbeddingNetwork:
    """Return a network whose batch norms have statistics, as trained ones have."""
    torch.manual_seed(0)
    config = NetworkConfig(backbone=backbone, trainable_blocks=trainable_blocks, image_size=64)
    network = EmbeddingNetwork(config).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)  # type: ignore[union-attr]
            module.running_var.uniform_(0.5, 1.5)  # type: ignore[union-attr]
            nn.init.normal_(module.bias, std=0.1)
    return network


def num_norms(module: nn.Module) -> int:
    return sum(isinstance(each, nn.BatchNorm2d) for each in module.modules())


@pytest.mark.slow
@pytest.mark.parametrize("backbone", BACKBONES)
def test_the_outputs_are_the_same(backbone: str) -> None:
    network = network_of(backbone)
    norms = num_norms(network)
    faster = for_inference(network)
    assert num_norms(faster) < norms == num_norms(network)
    pixels = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        for one, other in zip(faster(pixels), network(pixels), strict=True):
            torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


def test_a_network_without_batch_norms_is_used_as_it_is() -> None:
    with torch.device("meta"):  # Nothing is computed
        network = EmbeddingNetwork(NetworkConfig(backbone="vgg16", image_size=64))
    assert for_inference(network) is network


@pytest.mark.slow
def test_the_part_that_trains_is_not_folded() -> None:
    network = network_of("resnet18", trainable_blocks=1).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    faster = for_inference(network)
    assert num_norms(faster.frozen) == 0
    assert faster.tail is network.tail
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


class Crossed(nn.Module):
    """A batch norm that is registered after a convolution but runs before it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)
        self.norm = nn.BatchNorm2d(3)
        self.norm.running_mean = torch.tensor([1.0, 2.0, 3.0])

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.conv(self.norm(values))
        return result


def test_layers_in_another_order_are_left_alone() -> None:
    network = network_of("efficientnet_lite0")
    network.frozen = nn.Sequential(Crossed()).eval()
    network.tail = nn.Sequential()
    assert num_norms(folded(network.frozen)) == 0
    assert for_inference(network) is network


def test_only_batch_norms_of_the_same_channels_are_folded() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.BatchNorm2d(4)).eval()
    assert folded(module) is module
    unfit = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(5)).eval()
    assert folded(unfit) is unfit
