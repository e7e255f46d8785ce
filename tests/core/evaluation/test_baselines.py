"""What a model is held against: colors, the raw trunk, the plain recipe; and comparing."""

from pathlib import Path

import numpy as np
import pytest

from core.artifacts.folders import draft, publish
from core.artifacts.manifests import Manifest
from core.datasets.importing.scan import Source, add_folder
from core.datasets.splits import SplitConfig
from core.errors import WorkbenchError
from core.evaluation.baseline_config import Baseline, BaselineConfig
from core.evaluation.baselines import evaluate_baseline
from core.evaluation.comparison import changed, compare
from core.evaluation.config import EvaluateConfig
from core.evaluation.evaluate import evaluate
from core.evaluation.files import Evaluation, measured_of, open_evaluation, protocol_of
from core.lineage.graph import read_lineage
from core.models.color_histogram import NUM_COLORS, color_histograms
from core.progress import finish
from core.training.config import TrainConfig
from core.training.presets import PLAIN, PRESETS
from core.workspace import Workspace
from tests.factories.by_hand import Hand
from tests.factories.images import class_folders
from tests.factories.networks import backbone_file


@pytest.fixture
def colors(workspace: Workspace, tmp_path: Path) -> Workspace:
    root = class_folders(tmp_path / "in", red=10, green=10, blue=10)
    finish(add_folder(workspace, "colors", Source(root=root), SplitConfig()))
    return workspace


def test_a_histogram_is_how_much_there_is_of_each_color() -> None:
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


def test_colors_tell_colors_apart(colors: Workspace) -> None:
    config = BaselineConfig(dataset="colors", baseline=Baseline.COLOR)
    made = finish(evaluate_baseline(colors, config))
    assert made.summary["recall_at_1"] == 1.0
    assert (measured_of(made), made.id) == ("color histogram", "colors-color-baseline-test")
    assert "model" not in made.made_from
    lineage = read_lineage(colors)
    assert lineage.stale_reason(made) == ""
    assert lineage.evaluation_of("colors") is None  # It says nothing of a model
    assert lineage.dependents_of("colors") == [made]
    assert [path.name for path in colors.evaluations.iterdir()] == [made.id]


def test_the_raw_trunk_keeps_all_of_its_features(colors: Workspace, tmp_path: Path) -> None:
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
    assert made.summary["dimension"] == 25_088
    assert made.summary["weights"] == "own.pth"
    assert made.summary["num_queries"] == 6
    assert read_lineage(colors).models == []


def test_the_plain_recipe_is_trained_once(colors: Workspace, tmp_path: Path) -> None:
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
    assert made.summary["baseline"] == "plain recipe"
    assert "classifier_accuracy" in made.summary
    assert again.summary["map_at_10"] == made.summary["map_at_10"]


def test_the_plain_recipe_changes_nothing_but_what_is_frozen() -> None:
    config = TrainConfig(dataset="some", **PRESETS[PLAIN].settings)
    assert (config.trainable_blocks, config.epochs, config.dimension) == (0, 10, 128)
    assert (config.augment, config.metric_loss, config.label_smoothing) == ("off", "none", 0.0)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"baseline": "chance"}, "baseline must be one of color, trunk, plain"),
        ({"baseline": "backbone", "weights": "none"}, "weights must be imagenet or a file"),
        ({"baseline": "backbone", "image_size": 8}, "image_size must be in 32..512"),
        ({"baseline": "color", "queries": "train"}, "queries must be test or validation"),
    ],
)
def test_a_baseline_that_cannot_be_is_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        BaselineConfig(dataset="x", **settings)  # type: ignore[arg-type]


# Comparing


def opened(hand: Hand, **settings: object) -> Evaluation:
    config = EvaluateConfig(embeddings=hand.embeddings.id, **settings)  # type: ignore[arg-type]
    made = finish(evaluate(hand.workspace, config))
    return open_evaluation(hand.workspace, made.id)


def with_scores(evaluation: Evaluation, **scores: float) -> Evaluation:
    """The same, but with this mAP@10 for the query of that file name."""
    queries = evaluation.queries.copy()
    for name, score in scores.items():
        queries.loc[queries["path"].str.endswith(f"{name[-3:]}.png"), "map_at_10"] = score
    return Evaluation(evaluation.manifest, queries, evaluation.classes, evaluation.confusion)


def test_the_difference_is_taken_query_by_query(hand: Hand) -> None:
    first = with_scores(opened(hand), red002=0.2, red003=0.5)
    queries = first.queries.copy()
    queries["map_at_10"] = [0.6, 0.5, 0.0]  # Better by 0.4 (and blue 002 is 0.2 too), same, worse
    second = Evaluation(first.manifest, queries, first.classes, first.confusion)
    found = compare(first, second, 500, 0)
    row = found.differences.set_index("measure").loc["map_at_10"]
    differences = queries["map_at_10"] - first.queries["map_at_10"]
    assert row["difference"] == pytest.approx(differences.mean())
    assert row["second"] - row["first"] == pytest.approx(row["difference"])
    assert row["low"] <= row["difference"] <= row["high"]
    better, worse = changed(found, "map_at_10")
    assert (better["map_at_10"] > 0).all()
    assert (worse["map_at_10"] < 0).all()
    assert len(better) + len(worse) == int((differences != 0).sum())
    assert set(found.queries) >= {"first_matches", "second_matches", "map_at_10_first"}


def test_what_is_the_same_differs_by_nothing_for_sure(hand: Hand) -> None:
    same = opened(hand)
    row = compare(same, same, 100, 0).differences.set_index("measure").loc["recall_at_1"]
    numbers = [row[name] for name in ("difference", "low", "high", "difference_macro")]
    assert numbers == [0, 0, 0, 0]


def test_rounding_makes_no_query_better(hand: Hand) -> None:
    first = opened(hand)
    queries = first.queries.assign(map_at_10=first.queries["map_at_10"] - 1e-12)
    second = Evaluation(first.manifest, queries, first.classes, first.confusion)
    found = compare(first, second, 20, 0)
    better, worse = changed(found, "map_at_10")
    assert (len(better), len(worse)) == (0, 0)
    row = found.differences.set_index("measure").loc["map_at_10"]
    assert f"{row['difference']:+.3f} {row['low']:+.3f}" == "+0.000 +0.000"


def test_only_what_both_have_is_compared(hand: Hand) -> None:
    exactly = opened(hand)
    index = finish(evaluate(hand.workspace, EvaluateConfig(index=hand.index())))
    by_index = open_evaluation(hand.workspace, index.id)
    assert protocol_of(exactly.manifest) == protocol_of(by_index.manifest)
    found = compare(exactly, by_index, 10, 0)
    assert "map_at_r" not in found.measures
    assert "recall_at_10" in found.measures


def test_evaluations_without_a_common_query_are_refused(hand: Hand) -> None:
    with pytest.raises(WorkbenchError, match="no query in common"):
        compare(opened(hand), opened(hand, queries="validation"), 10, 0)


def as_it_was(workspace: Workspace, made: Manifest) -> Manifest:
    """The same evaluation as it was written before there were intervals and more measures."""
    now = open_evaluation(workspace, made.id)
    columns = ["image_id", "path", "label", "map_at_10", "recall_at_1", "matches"]
    with draft(workspace.evaluations) as folder:
        now.queries[columns].to_csv(folder / "queries.csv", index=False)
        now.classes.to_csv(folder / "classes.csv", index=False)
        return publish(
            folder,
            kind="evaluation",
            stem="old",
            config={"index": "some", "queries": "test", "exact": False},
            made_from=made.made_from | {"index": "some", "index_fingerprint": "gone"},
            summary={"map_at_10": 0.5, "map_at_10_macro": 0.5, "num_queries": 3},
        )


def test_an_evaluation_from_before_opens_and_can_be_compared(hand: Hand) -> None:
    made = opened(hand)
    old = open_evaluation(hand.workspace, as_it_was(hand.workspace, made.manifest).id)
    assert old.interval("map_at_10") is None
    assert old.confusion.empty
    assert old.measures == ["map_at_10", "recall_at_1"]
    assert protocol_of(old.manifest) == protocol_of(made.manifest)
    assert compare(old, made, 10, 0).measures == ["map_at_10", "recall_at_1"]
