"""Presets are valid configs, and the command line uses them."""

from dataclasses import replace

import pytest

from core.commands import build_parser
from core.commands.training import train_config
from core.models.backbone_model_config import fitted_config
from core.models.backbones import BACKBONES
from core.training.config import TrainConfig
from core.training.presets import CLASSIC, PRESETS, Preset

PARSER = build_parser()


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


@pytest.mark.parametrize("backbone", list(BACKBONES))
@pytest.mark.parametrize("weights", ["none", "pretrained"])
@pytest.mark.parametrize("preset", [None, *PRESETS])
def test_defaults_fit_every_backbone(backbone: str, weights: str, preset: str | None) -> None:
    given = ["--backbone", backbone, "--weights", weights]
    given += ["--preset", preset] if preset else []
    config = train_config(PARSER.parse_args(["train", "--dataset", "some", *given]))
    facts = BACKBONES[backbone]
    assert config.backbone == backbone
    assert config.trainable_blocks <= facts.num_blocks
    assert weights != "none" or config.trainable_blocks == facts.num_blocks
    assert config.image_size % facts.size_step == 0


def test_a_backbone_from_scratch_trains_all_of_its_blocks() -> None:
    given = ["--backbone", "resnet18", "--weights", "none"]
    config = train_config(build_parser().parse_args(["train", "--dataset", "some", *given]))
    assert (config.trainable_blocks, config.num_frozen_blocks) == (4, 0)
    estimated = build_parser().parse_args(["estimate", "--dataset", "some", *given])
    assert train_config(estimated) == config


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--trainable-blocks", "5"], "trainable_blocks must be in 0..4, got 5"),
        (["--trainable-blocks", "2", "--weights", "none"], "every block must train"),
    ],
)
def test_what_was_chosen_is_not_replaced(given: list[str], message: str) -> None:
    options = build_parser().parse_args(
        ["train", "--dataset", "some", "--backbone", "resnet18", *given]
    )
    with pytest.raises(ValueError, match=message):
        train_config(options)


def test_a_loss_that_compares_images_has_several_of_each_class_by_default() -> None:
    given = ["train", "--dataset", "some", "--metric-loss", "supcon"]
    assert train_config(build_parser().parse_args(given)).samples_per_class == 4
    given += ["--samples-per-class", "2"]
    assert train_config(build_parser().parse_args(given)).samples_per_class == 2


@pytest.mark.parametrize("backbone", list(BACKBONES))
def test_defaults_of_a_pca_fit_every_backbone(backbone: str) -> None:
    config = fitted_config(dataset="some", backbone=backbone)
    assert config.image_size % BACKBONES[backbone].size_step == 0


def test_a_pca_has_no_more_dimensions_than_features(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = replace(BACKBONES["resnet18"], channels=64, size_step=18)
    monkeypatch.setitem(BACKBONES, "resnet18", narrow)
    config = fitted_config(dataset="some", backbone="resnet18")
    assert (config.dimension, config.image_size) == (64, 216)
    with pytest.raises(ValueError, match=r"dimension must be in 8\.\.64"):
        fitted_config(dataset="some", backbone="resnet18", dimension=65)
