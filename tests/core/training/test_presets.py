"""Presets are valid configs, and the command line uses them."""

import pytest

from core.commands import build_parser
from core.commands.training import train_config
from core.training.config import TrainConfig
from core.training.presets import CLASSIC, PRESETS, Preset


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_a_preset_is_a_valid_config(preset: Preset) -> None:
    config = TrainConfig(dataset="some", **preset.settings)
    assert ("from scratch" in preset.label.lower()) == (config.weights == "none")


def test_the_classic_preset_is_the_default() -> None:
    config = TrainConfig(dataset="some", **PRESETS[CLASSIC].settings)
    assert config == TrainConfig(dataset="some")
    assert (config.backbone, config.trainable_blocks, config.epochs) == ("vgg16", 1, 10)
    assert (config.dimension, config.image_size) == (128, 224)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], ("vgg16", 10)),
        (["--weights", "none"], ("vgg16_bn", 8)),
        (["--preset", "scratch"], ("vgg16_bn", 20)),
        (["--preset", "quick", "--epochs", "7"], ("resnet18", 7)),
    ],
)
def test_a_command_combines_a_preset_with_options(
    given: list[str], expected: tuple[str, int]
) -> None:
    options = build_parser().parse_args(["train", "--dataset", "some", *given])
    config = train_config(options)
    assert (config.backbone, config.epochs) == expected
