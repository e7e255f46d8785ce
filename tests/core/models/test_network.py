from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image

from core.errors import WorkbenchError
from core.models import vision
from core.models.backbones import BACKBONES, Backbone, boundary, build_backbone, find_backbone
from core.models.network import EmbeddingNetwork, NetworkConfig
from core.models.preprocessing import normalized, to_square


def small(backbone: str = "vgg16", blocks: int = 1) -> EmbeddingNetwork:
    config = NetworkConfig(backbone=backbone, trainable_blocks=blocks, num_classes=3, image_size=32)
    return EmbeddingNetwork(config)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_embeddings_are_unit_rows_and_scores_a_column_a_class(backbone: str) -> None:
    network = small(backbone, BACKBONES[backbone].num_blocks).train()  # As its norms are untrained
    with torch.inference_mode():
        embeddings, scores = network(torch.randn(2, 3, 32, 32))
    assert (embeddings.shape, embeddings.dtype) == ((2, 128), torch.float32)
    assert scores.shape == (2, 3)
    torch.testing.assert_close(embeddings.norm(dim=1), torch.ones(2))


@pytest.mark.parametrize("backbone", ["vgg16", "vgg16_bn"])
def test_the_last_block_is_conv5_1_to_conv5_3(backbone: str) -> None:
    network = small(backbone)
    convolutions = [layer for layer in network.tail if isinstance(layer, torch.nn.Conv2d)]
    assert [layer.in_channels for layer in convolutions] == [512, 512, 512]
    assert isinstance(network.frozen[-1], torch.nn.MaxPool2d)
    assert {parameter.requires_grad for parameter in network.frozen.parameters()} == {False}
    assert {parameter.requires_grad for parameter in network.tail.parameters()} == {True}


@pytest.mark.parametrize("backbone", BACKBONES.values(), ids=BACKBONES)
def test_blocks_are_as_torchvision_builds_them(backbone: Backbone) -> None:
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


def test_another_backbone_is_refused_by_naming_the_list() -> None:
    with pytest.raises(WorkbenchError, match="Choose one of vgg16, vgg16_bn, resnet18"):
        find_backbone("resnet9000")


@pytest.mark.parametrize("backbone", BACKBONES.values(), ids=BACKBONES)
def test_a_cut_trunk_computes_what_torchvisions_own_network_does(backbone: Backbone) -> None:
    torch.manual_seed(0)
    whole = getattr(vision.models, backbone.name)(weights=None).eval()
    layer = "avgpool"  # After the trunk, in each of them
    seen = []
    whole.get_submodule(layer).register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    layers = {
        key.removeprefix(backbone.prefix): value
        for key, value in whole.state_dict().items()
        if not key.startswith(backbone.head)
    }
    pixels = torch.randn(2, 3, 64, 64)
    for blocks in range(backbone.num_blocks + 1):
        network = small(backbone.name, blocks).eval()
        network.load_backbone(layers)
        with torch.inference_mode():
            whole(pixels)
            features = network.tail(network.frozen(pixels))
        assert (features - seen[-1]).abs().max() <= 1e-4 * seen[-1].abs().max()


@pytest.mark.parametrize("backbone", BACKBONES)
def test_training_mode_leaves_the_frozen_batch_norms_alone(backbone: str) -> None:
    network = small(backbone)
    assert not any(module.training for module in network.frozen.modules())
    network.train()
    before = {key: value.clone() for key, value in network.frozen.state_dict().items()}
    network(torch.randn(4, 3, 32, 32))
    after = network.frozen.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert network.normalize.training


def test_the_middle_is_cut_out_and_the_short_side_scaled() -> None:
    pixels = np.zeros((20, 60, 3), np.uint8)
    pixels[:, 20:40] = 200
    square = to_square(Image.fromarray(pixels), 10)
    assert square.shape == (3, 10, 10)
    assert square.dtype == np.uint8
    assert (square[:, :, 1:-1] == 200).all()


@pytest.mark.parametrize("size", [(7, 300), (300, 7), (1, 1), (33, 32)])
def test_odd_shapes_become_squares(size: tuple[int, int]) -> None:
    assert to_square(Image.new("RGB", size, "red"), 32).shape == (3, 32, 32)


def test_normalized_gray_is_near_zero() -> None:
    gray = torch.full((1, 3, 2, 2), 116, dtype=torch.uint8)
    values = normalized(gray)
    expected = (116 / 255 - 0.485) / 0.229
    assert values.shape == (1, 3, 2, 2)
    assert values.dtype == torch.float32
    assert values[0, 0, 0, 0].item() == pytest.approx(expected, abs=1e-6)


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="trainable_blocks must be in 0..5"):
        NetworkConfig(trainable_blocks=6)
    with pytest.raises(ValueError, match="image_size must be in"):
        NetworkConfig(image_size=8)
