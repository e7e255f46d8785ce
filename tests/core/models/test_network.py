"""The network freezes blocks, embeds to unit length and scores classes."""

import pytest
import torch

from core.models.backbones import BACKBONES
from core.models.network import EmbeddingNetwork, NetworkConfig
from tests.factories.networks import EVERY_BACKBONE


def small(backbone: str = "vgg16", blocks: int = 1) -> EmbeddingNetwork:
    config = NetworkConfig(backbone=backbone, trainable_blocks=blocks, num_classes=3, image_size=32)
    return EmbeddingNetwork(config)


@pytest.mark.parametrize("backbone", EVERY_BACKBONE)
def test_embeddings_are_unit_rows_and_scores_a_column_a_class(backbone: str) -> None:
    network = small(backbone, BACKBONES[backbone].num_blocks).train()  # As its norms are untrained
    with torch.inference_mode():
        embeddings, scores = network(torch.randn(2, 3, 32, 32))
    assert (embeddings.shape, embeddings.dtype) == ((2, 128), torch.float32)
    assert scores.shape == (2, 3)
    torch.testing.assert_close(embeddings.norm(dim=1), torch.ones(2))


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["vgg16", "vgg16_bn"])
def test_the_last_block_is_conv5_1_to_conv5_3(backbone: str) -> None:
    network = small(backbone)
    convolutions = [layer for layer in network.tail if isinstance(layer, torch.nn.Conv2d)]
    assert [layer.in_channels for layer in convolutions] == [512, 512, 512]
    assert isinstance(network.frozen[-1], torch.nn.MaxPool2d)
    assert {parameter.requires_grad for parameter in network.frozen.parameters()} == {False}
    assert {parameter.requires_grad for parameter in network.tail.parameters()} == {True}


@pytest.mark.parametrize("backbone", EVERY_BACKBONE)
def test_training_mode_leaves_the_frozen_batch_norms_alone(backbone: str) -> None:
    network = small(backbone)
    assert not any(module.training for module in network.frozen.modules())
    network.train()
    before = {key: value.clone() for key, value in network.frozen.state_dict().items()}
    network(torch.randn(4, 3, 32, 32))
    after = network.frozen.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert network.normalize.training


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="trainable_blocks must be in 0..5"):
        NetworkConfig(trainable_blocks=6)
    with pytest.raises(ValueError, match="image_size must be in"):
        NetworkConfig(image_size=8)
    with pytest.raises(ValueError, match="one of the list or a model of timm, got “resnet9000”"):
        NetworkConfig(backbone="resnet9000")
    with pytest.raises(ValueError, match="one of own, average, max, gem, got sum"):
        NetworkConfig(pooling="sum")
