"""What frozen blocks of each of torchvision's networks put out is cached."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.models.batches import load_square
from core.models.devices import choose_device
from core.models.network import EmbeddingNetwork, NetworkConfig
from core.models.preprocessing import normalized
from core.progress import finish
from core.training.config import TrainConfig
from core.training.inputs import on_device, prepare_inputs
from core.training.setup import labeled_rows
from core.workspace import Workspace
from tests.factories.datasets import bring_in
from tests.factories.images import class_folders
from tests.factories.networks import EVERY_BACKBONE


@pytest.mark.slow
@pytest.mark.parametrize("bfloat16", [False, True])
@pytest.mark.parametrize("backbone", EVERY_BACKBONE)
def test_cached_features_are_the_output_of_the_frozen_blocks(
    workspace: Workspace, tmp_path: Path, backbone: str, bfloat16: bool
) -> None:
    dataset = bring_in(workspace, class_folders(tmp_path / "in", red=10, green=10, blue=10))
    rows, classes = labeled_rows(dataset)
    torch.manual_seed(0)
    network = EmbeddingNetwork(
        NetworkConfig(backbone=backbone, num_classes=len(classes), image_size=32)
    )
    device = replace(choose_device(), bfloat16=bfloat16)
    config = TrainConfig(dataset="colors", backbone=backbone, image_size=32)
    inputs = finish(prepare_inputs(workspace, dataset, rows, network, config, device))

    cached, labels = inputs.read(np.array([0, 7]))
    values = on_device(cached, torch.device(device.name))

    pixels = np.stack(
        [load_square(dataset.path_of(rows[i]), network.config.preprocessing) for i in (0, 7)]
    )
    with torch.inference_mode(), device.autocast():
        plain = network.extract_frozen(
            normalized(torch.from_numpy(pixels), network.config.preprocessing)
        ).float()
    if bfloat16:  # Rounding depends on the batch and on folded batch norms
        cached_rows, plain_rows = values.float().flatten(1), plain.flatten(1)
        is_tiny = (cached_rows - plain_rows).abs().amax(dim=1) <= 1e-3
        assert (is_tiny | (torch.cosine_similarity(cached_rows, plain_rows) > 0.99)).all()
    else:
        torch.testing.assert_close(values, plain, rtol=2e-3, atol=1e-3)
    assert [classes[label] for label in labels.tolist()] == [rows[0].label, rows[7].label]
