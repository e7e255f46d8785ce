from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.datasets.registry import open_dataset
from core.errors import WorkbenchError
from core.progress import finish
from core.training.config import TrainConfig
from core.training.estimate import estimate
from core.training.train import train
from core.workspace import Workspace
from tests.factories.datasets import bring_in
from tests.factories.images import class_folders

pytestmark = pytest.mark.usefixtures("small_networks")

SCRATCH: dict[str, Any] = {
    "dataset": "colors",
    "weights": "none",
    "backbone": "mobilenet_v3_large",
    "trainable_blocks": 5,
    "image_size": 32,
    "batch_size": 8,
}


def test_an_estimate_has_the_disk_space_that_the_training_uses(
    workspace: Workspace, tmp_path: Path
) -> None:
    bring_in(workspace, class_folders(tmp_path / "in", red=10, blue=10))
    config = TrainConfig(**SCRATCH, epochs=1)
    estimated = finish(estimate(workspace, config))
    assert estimated.seconds > estimated.prepare_seconds > 0
    assert not workspace.runs.exists()
    assert not workspace.features.exists()
    finish(train(workspace, replace(config, epochs=0)))
    [array] = workspace.features.glob("*/array.npy")
    assert array.stat().st_size - estimated.requirements.cache_bytes == 128  # npy header


@pytest.mark.slow
def test_trainable_and_frozen_parameters_are_counted(workspace: Workspace, tmp_path: Path) -> None:
    bring_in(workspace, class_folders(tmp_path / "in", red=5, blue=5))
    config = TrainConfig(dataset="colors", image_size=32, trainable_blocks=1)
    estimated = finish(estimate(workspace, config))
    block = 3 * (512 * 512 * 9 + 512)
    head = 25_088 * 128 + 2 * 128 + 128 * 2 + 2
    assert estimated.requirements.num_trainable == block + head
    assert estimated.requirements.num_frozen == 7_635_264  # conv1_1 to conv4_3
    more = finish(
        estimate(workspace, TrainConfig(dataset="colors", image_size=32, augment="light"))
    )
    counts = open_dataset(workspace, "colors").catalog.class_counts()
    in_train = sum(count for _, split, count in counts if split == "train")
    in_both = sum(count for _, split, count in counts if split in ("train", "validation"))
    # Only train images have augmented views
    assert more.requirements.cache_bytes * in_both == estimated.requirements.cache_bytes * (
        in_both + in_train
    )


def test_a_single_class_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    bring_in(workspace, class_folders(tmp_path / "in", red=5))
    with pytest.raises(WorkbenchError, match="only one class"):
        finish(estimate(workspace, TrainConfig(**SCRATCH)))
