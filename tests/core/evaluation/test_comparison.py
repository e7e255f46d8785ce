"""Comparison of two evaluations."""

import pytest

from core.artifacts.folders import draft, publish
from core.artifacts.manifests import Manifest
from core.errors import WorkbenchError
from core.evaluation.comparison import changed, compare
from core.evaluation.config import EvaluateConfig
from core.evaluation.evaluate import evaluate
from core.evaluation.files import Evaluation, open_evaluation, protocol_of
from core.progress import finish
from core.workspace import Workspace
from tests.factories.toy import ToySet


def opened(toy: ToySet, **settings: object) -> Evaluation:
    config = EvaluateConfig(embeddings=toy.embeddings.id, **settings)  # type: ignore[arg-type]
    made = finish(evaluate(toy.workspace, config))
    return open_evaluation(toy.workspace, made.id)


def with_scores(evaluation: Evaluation, **scores: float) -> Evaluation:
    """The evaluation with other mAP@10 of some queries, by file name."""
    queries = evaluation.queries.copy()
    for name, score in scores.items():
        queries.loc[queries["path"].str.endswith(f"{name[-3:]}.png"), "map_at_10"] = score
    return Evaluation(evaluation.manifest, queries, evaluation.classes, evaluation.confusion)


def test_differences_are_computed_query_by_query(toy: ToySet) -> None:
    first = with_scores(opened(toy), red002=0.2, red003=0.5)
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


def test_equal_evaluations_have_no_difference(toy: ToySet) -> None:
    same = opened(toy)
    row = compare(same, same, 100, 0).differences.set_index("measure").loc["recall_at_1"]
    numbers = [row[name] for name in ("difference", "low", "high", "difference_macro")]
    assert numbers == [0, 0, 0, 0]


def test_rounding_is_not_an_improvement(toy: ToySet) -> None:
    first = opened(toy)
    queries = first.queries.assign(map_at_10=first.queries["map_at_10"] - 1e-12)
    second = Evaluation(first.manifest, queries, first.classes, first.confusion)
    found = compare(first, second, 20, 0)
    better, worse = changed(found, "map_at_10")
    assert (len(better), len(worse)) == (0, 0)
    row = found.differences.set_index("measure").loc["map_at_10"]
    assert f"{row['difference']:+.3f} {row['low']:+.3f}" == "+0.000 +0.000"


def test_only_common_measures_are_compared(toy: ToySet) -> None:
    exactly = opened(toy)
    index = finish(evaluate(toy.workspace, EvaluateConfig(index=toy.index())))
    by_index = open_evaluation(toy.workspace, index.id)
    assert protocol_of(exactly.manifest) == protocol_of(by_index.manifest)
    found = compare(exactly, by_index, 10, 0)
    assert "map_at_r" not in found.measures
    assert "recall_at_10" in found.measures


def test_evaluations_without_a_common_query_are_refused(toy: ToySet) -> None:
    with pytest.raises(WorkbenchError, match="no query in common"):
        compare(opened(toy), opened(toy, queries="validation"), 10, 0)


def as_early_version(workspace: Workspace, made: Manifest) -> Manifest:
    """The evaluation as early versions wrote it, without intervals and most measures."""
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


def test_an_evaluation_of_an_early_version_opens_and_can_be_compared(toy: ToySet) -> None:
    made = opened(toy)
    old = open_evaluation(toy.workspace, as_early_version(toy.workspace, made.manifest).id)
    assert old.interval("map_at_10") is None
    assert old.confusion.empty
    assert old.measures == ["map_at_10", "recall_at_1"]
    assert protocol_of(old.manifest) == protocol_of(made.manifest)
    assert compare(old, made, 10, 0).measures == ["map_at_10", "recall_at_1"]
