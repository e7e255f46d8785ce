"""Backbones are cut into blocks as torchvision builds them, and compute what its networks do."""

from itertools import pairwise

import pytest
import torch

from core.models import vision
from core.models.backbone_layers import build_backbone
from core.models.backbones import BACKBONES, boundary
from core.models.network import EmbeddingNetwork, NetworkConfig
from tests.factories.networks import OF_TORCHVISION


@pytest.mark.parametrize("name", OF_TORCHVISION)
def test_blocks_are_as_torchvision_builds_them(name: str) -> None:
    backbone = BACKBONES[name]
    layers = build_backbone(backbone).eval()
    assert len(layers) == backbone.num_layers
    sides, values = [], torch.randn(1, 3, 256, 256)
    ends = (*backbone.block_starts[1:], backbone.num_layers)
    with torch.inference_mode():
        for number, layer in enumerate(layers, 1):
            values = layer(values)
            if number in ends:
                sides.append(values.shape[-1])
    assert values.shape[1] == backbone.channels
    # Each block ends at a resolution of its own: half of the one before (VGG's ends in its pooling)
    assert [small / large for large, small in pairwise(sides)] == [0.5] * (len(ends) - 1)
    assert boundary(backbone, 0) == len(layers)
    assert boundary(backbone, backbone.num_blocks) == 0
    with pytest.raises(ValueError, match=f"0..{backbone.num_blocks}"):
        boundary(backbone, backbone.num_blocks + 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_TORCHVISION)
def test_a_cut_backbone_has_the_output_of_torchvisions_network(name: str) -> None:
    backbone = BACKBONES[name]
    torch.manual_seed(0)
    whole = getattr(vision.models, backbone.name)(weights=None).eval()
    layer = "avgpool"  # After the backbone, in each of them
    expected = []
    whole.get_submodule(layer).register_forward_hook(
        lambda _, inputs, __: expected.append(inputs[0])
    )
    layers = {
        key.removeprefix(backbone.prefix): value
        for key, value in whole.state_dict().items()
        if not key.startswith(backbone.head)
    }
    pixels = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        whole(pixels)
    for blocks in range(backbone.num_blocks + 1):
        network = EmbeddingNetwork(
            NetworkConfig(
                backbone=backbone.name, trainable_blocks=blocks, num_classes=3, image_size=32
            )
        ).eval()
        network.load_backbone(layers)
        with torch.inference_mode():
            features = network.extract_features(pixels)
        assert (features - expected[0]).abs().max() <= 1e-4 * expected[0].abs().max()
