"""The recipes that a form offers, and what it shows of them before a training."""

from pathlib import Path

import numpy as np
import pytest
import torch

from core.commands import build_parser
from core.commands.training import train_config
from core.datasets.registry import open_dataset
from core.errors import WorkbenchError
from core.models.preprocessing import denormalized, normalized
from core.training.augment_config import OFF, STRONG
from core.training.config import TrainConfig
from core.training.presets import CLASSIC, PRESETS, Preset, find_preset
from core.training.preview import augmented_images
from core.workspace import Workspace
from tests.factories.datasets import bring_in
from tests.factories.images import class_folders


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_a_preset_is_a_sound_config(preset: Preset) -> None:
    config = TrainConfig(dataset="some", **preset.settings)
    assert preset.needs_weights == (config.weights != "none")


def test_the_classic_recipe_is_what_a_config_is_by_default() -> None:
    config = TrainConfig(dataset="some", **PRESETS[CLASSIC].settings)
    assert config == TrainConfig(dataset="some")
    assert (config.backbone, config.trainable_blocks, config.epochs) == ("vgg16", 1, 10)
    assert (config.dimension, config.image_size) == (128, 224)


def test_another_preset_is_refused_by_naming_the_list() -> None:
    with pytest.raises(WorkbenchError, match="Choose one of quick, classic, best"):
        find_preset("slow")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], ("vgg16", 10)),
        (["--weights", "none"], ("vgg16_bn", 8)),
        (["--preset", "scratch"], ("vgg16_bn", 20)),
        (["--preset", "quick", "--epochs", "7"], ("resnet18", 7)),
    ],
)
def test_a_command_takes_a_preset_and_what_else_is_given(
    given: list[str], expected: tuple[str, int]
) -> None:
    options = build_parser().parse_args(["train", "--dataset", "some", *given])
    config = train_config(options)
    assert (config.backbone, config.epochs) == expected


def test_pixels_come_back_from_what_the_network_reads() -> None:
    pixels = torch.arange(256, dtype=torch.uint8).repeat(3).reshape(1, 3, 16, 16)
    back = denormalized(normalized(pixels))
    assert (back.shape, back.dtype) == ((1, 3, 16, 16), torch.uint8)
    assert torch.equal(back, pixels)
    beyond = denormalized(torch.tensor([-9.0, 9.0, 0.0]).reshape(1, 3, 1, 1))
    assert beyond.flatten().tolist() == [0, 255, 104]  # 0.406 of 255


def test_a_preview_shows_train_images_and_a_seed_repeats_it(
    workspace: Workspace, tmp_path: Path
) -> None:
    bring_in(workspace, class_folders(tmp_path / "in", red=30, blue=30))
    dataset = open_dataset(workspace, "colors")
    plain = augmented_images(dataset, OFF, 32, seed=1)
    assert len(plain) == 16
    assert {image.size for image in plain} == {(32, 32)}
    changed = augmented_images(dataset, STRONG, 32, seed=1)
    again = augmented_images(dataset, STRONG, 32, seed=1)
    assert all(
        np.array_equal(a, b)
        for a, b in zip(map(np.asarray, changed), map(np.asarray, again), strict=True)
    )
    assert not any(
        np.array_equal(a, b)
        for a, b in zip(map(np.asarray, changed), map(np.asarray, plain), strict=True)
    )


def test_a_preview_leaves_out_what_cannot_be_read(workspace: Workspace, tmp_path: Path) -> None:
    root = class_folders(tmp_path / "in", red=4, blue=4)
    bring_in(workspace, root)
    for path in (root / "red").iterdir():
        path.write_bytes(b"no picture")
    images = augmented_images(open_dataset(workspace, "colors"), OFF, 32, seed=0)
    assert 1 <= len(images) <= 4
