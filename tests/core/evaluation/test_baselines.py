"""Baselines: color histogram, backbone features, plain preset."""

from pathlib import Path

import numpy as np
import pytest

from core.datasets.importing.scan import Source, add_folder
from core.datasets.splits import SplitConfig
from core.evaluation.baselines import evaluate_baseline
from core.evaluation.config import Baseline, BaselineConfig
from core.evaluation.files import system_name
from core.lineage.graph import read_lineage
from core.models.color_histogram import NUM_COLORS, color_histograms
from core.progress import finish
from core.training.config import TrainConfig
from core.training.presets import PLAIN, PRESETS
from core.workspace import Workspace
from tests.factories.images import class_folders
from tests.factories.networks import backbone_file
from tests.factories.small_backbones import CHANNELS

pytestmark = pytest.mark.usefixtures("small_networks")


@pytest.fixture
def colors(workspace: Workspace, tmp_path: Path) -> Workspace:
    root = class_folders(tmp_path / "in", red=10, green=10, blue=10)
    finish(add_folder(workspace, "colors", Source(root=root), SplitConfig()))
    return workspace


def test_a_histogram_counts_each_color() -> None:
    """The left half pure red (hue 0, full), the right half black: half and half."""
    pixels = np.zeros((2, 3, 8, 8), np.uint8)
    pixels[0, 0, :, :4] = 255
    rows = color_histograms(pixels)
    assert rows.shape == (2, NUM_COLORS)
    assert rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1).tolist() == pytest.approx([1, 1])
    assert sorted(rows[0][rows[0] > 0].tolist()) == pytest.approx([0.5**0.5] * 2)
    assert rows[0, 3 * 4 + 3] > 0  # Hue 0, the most saturation, the most light
    assert float(rows[0] @ rows[1]) == pytest.approx(0.5**0.5)  # The half that both have


def test_color_histograms_separate_colors(colors: Workspace) -> None:
    config = BaselineConfig(dataset="colors", baseline=Baseline.COLOR)
    made = finish(evaluate_baseline(colors, config))
    assert made.summary["recall_at_1"] == 1.0
    assert (system_name(made), made.id) == ("color histogram", "colors-color-baseline-test")
    assert "model" not in made.made_from
    lineage = read_lineage(colors)
    assert lineage.stale_reason(made) == ""
    assert lineage.evaluation_of("colors") is None  # It does not measure a model
    assert lineage.dependents_of("colors") == [made]
    assert [path.name for path in colors.evaluations.iterdir()] == [made.id]


def test_backbone_features_are_not_reduced(colors: Workspace, tmp_path: Path) -> None:
    weights = backbone_file(tmp_path / "own.pth", "vgg16_bn")
    config = BaselineConfig(
        dataset="colors",
        baseline=Baseline.BACKBONE,
        backbone="vgg16_bn",
        weights=str(weights),
        image_size=32,
        replicates=10,
    )
    made = finish(evaluate_baseline(colors, config))
    assert made.summary["dimension"] == CHANNELS
    assert made.summary["weights"] == "own.pth"
    assert made.summary["num_queries"] == 6
    assert read_lineage(colors).models == []


@pytest.mark.slow
def test_the_plain_preset_is_trained_once(colors: Workspace, tmp_path: Path) -> None:
    weights = backbone_file(tmp_path / "own.pth", "resnet18")
    config = BaselineConfig(
        dataset="colors",
        baseline=Baseline.PLAIN,
        backbone="resnet18",
        weights=str(weights),
        image_size=32,
        replicates=10,
    )
    made = finish(evaluate_baseline(colors, config))
    again = finish(evaluate_baseline(colors, config))
    [model] = read_lineage(colors).models
    assert model.config["train"]["trainable_blocks"] == 0
    assert model.config["train"]["epochs"] == 10
    assert made.summary["baseline"] == "plain preset"
    assert "classifier_accuracy" in made.summary
    assert again.summary["map_at_10"] == made.summary["map_at_10"]


def test_the_plain_preset_trains_a_frozen_backbone() -> None:
    config = TrainConfig(dataset="some", **PRESETS[PLAIN].settings)
    assert (config.trainable_blocks, config.epochs, config.dimension) == (0, 10, 128)
    assert (config.augment, config.metric_loss, config.label_smoothing) == ("off", "none", 0.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"baseline": "chance"}, "baseline must be one of color, backbone, plain"),
        ({"baseline": "backbone", "weights": "none"}, "weights must be pretrained or a file"),
        ({"baseline": "backbone", "image_size": 8}, "image_size must be in 32..518"),
        ({"baseline": "color", "queries": "train"}, "queries must be one of test, validation"),
    ],
)
def test_invalid_settings_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BaselineConfig(dataset="x", **settings)  # type: ignore[arg-type]
