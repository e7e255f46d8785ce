"""Evaluation: measures, ignored copies, skipped classes, refused tasks."""

import json

import numpy as np
import pandas as pd
import pytest

from core.artifacts.folders import delete_artifact
from core.artifacts.manifests import Manifest
from core.commands.command import artifact_facts
from core.commands.evaluation import describe_evaluation
from core.datasets.curation import exclude
from core.datasets.registry import open_dataset
from core.embeddings.files import open_embeddings
from core.errors import DamagedArtifactError, MissingError, WorkbenchError
from core.evaluation import ranking
from core.evaluation.config import EvaluateConfig, Gallery, Protocol
from core.evaluation.evaluate import evaluate
from core.evaluation.files import open_evaluation, protocol_of
from core.evaluation.protocol import make_task
from core.evaluation.ranking import rank_exactly
from core.evaluation.system import Classifier
from core.indexes.config import IndexConfig
from core.lineage.graph import EMBEDDINGS_GONE, INDEX_GONE, read_lineage
from core.progress import finish
from core.workspace import Workspace
from tests.factories.embeddings import embedded_set
from tests.factories.toy import FIRST_AND_THIRD, SECOND_AND_FOURTH, ToySet
from tests.factories.vectors import at_angles


def measured(toy: ToySet, **settings: object) -> Manifest:
    """Evaluate the embeddings by exact search."""
    config = EvaluateConfig(embeddings=toy.embeddings.id, **settings)  # type: ignore[arg-type]
    return finish(evaluate(toy.workspace, config))


def queries_of(workspace: Workspace, evaluation: Manifest) -> pd.DataFrame:
    return pd.read_csv(workspace.evaluations / evaluation.id / "queries.csv", index_col="path")


def test_embeddings_are_evaluated_without_an_index(toy: ToySet) -> None:
    made = measured(toy)
    found = made.summary
    assert found["map_at_10"] == pytest.approx((2 * FIRST_AND_THIRD + SECOND_AND_FOURTH) / 3)
    # R is 2 for red and for blue: red finds one of the first two, blue one of them as second
    assert found["r_precision"] == pytest.approx(1 / 2)
    assert found["map_at_r"] == pytest.approx((2 * (1 / 2) + (1 / 2) / 2) / 3)
    assert found["mrr"] == pytest.approx((1 + 1 + 1 / 2) / 3)
    assert found["ranks"] == [1, 2, 5, 10, 20, 50, 100]
    low, high = found["intervals"]["recall_at_1"]
    assert 0 <= low <= 2 / 3 <= high <= 1
    assert made.made_from["embeddings_fingerprint"] == toy.embeddings.fingerprint
    assert "index" not in made.made_from


def test_an_index_is_measured_at_ten_ranks(toy: ToySet) -> None:
    config = EvaluateConfig(index=toy.index(), exact=True)
    found = finish(evaluate(toy.workspace, config)).summary
    assert found["ranks"] == [1, 2, 5, 10]
    assert "map_at_r" not in found
    assert found["exact_recall_at_1"] == found["recall_at_1"] == pytest.approx(2 / 3)


def test_copies_of_a_query_are_ignored(toy: ToySet) -> None:
    """Red 10, the nearest to both red queries, becomes a copy of the query at 0."""
    catalog = open_dataset(toy.workspace, "toy").catalog
    rows = {row.path: row for row in catalog.rows()}
    copied = rows["red/000.png"]._replace(sha256=rows["red/002.png"].sha256)
    catalog.write(changed={copied.id: copied})

    made = measured(toy)
    queries = open_evaluation(toy.workspace, made.id).queries.set_index("path")
    matches = queries["matches"].to_dict()
    expected = ("blue/000.png", "red/001.png", "blue/001.png")
    assert matches["red/002.png"].split() == [str(toy.ids[path]) for path in expected]
    assert matches["red/003.png"].split()[0] == str(toy.ids["red/000.png"])
    assert queries["num_relevant"].to_dict() == {
        "red/002.png": 1,
        "red/003.png": 2,
        "blue/002.png": 2,
    }
    assert made.summary["num_copies"] == 1


def test_validation_images_in_the_gallery_do_not_retrieve_themselves(
    toy: ToySet,
) -> None:
    made = measured(toy, queries="validation", gallery="train+validation")
    queries = open_evaluation(toy.workspace, made.id).queries.set_index("path")
    found = queries["matches"].to_dict()["red/004.png"].split()
    assert str(toy.ids["red/004.png"]) not in found
    assert len(found) == 5  # The four train images and the other validation image
    assert queries["num_relevant"].tolist() == [2, 2]
    assert protocol_of(made)[2:] == ("validation", "train+validation")


def test_a_class_that_only_asks_is_left_out_and_named(toy: ToySet) -> None:
    found = measured(toy).summary
    assert (found["num_skipped"], found["skipped_classes"]) == (1, {"green": 1})
    said = describe_evaluation({"id": "x", **found})
    assert "skipped, none relevant: 1 queries of green" in said
    assert "recall_at_1            0.6667 [" in said


def test_the_retrieved_classes_are_counted(toy: ToySet) -> None:
    made = open_evaluation(toy.workspace, measured(toy).id)
    counts = made.confusion.set_index(["label", "retrieved"])["count"].to_dict()
    # Each of the three queries finds all four images
    assert counts == {
        ("red", "red"): 4,
        ("red", "blue"): 4,
        ("blue", "blue"): 2,
        ("blue", "red"): 2,
    }
    assert made.classes["most_confused"].tolist() == ["red", "blue"]
    assert made.interval("map_at_10") is not None


def test_blocks_give_the_ranking_of_a_single_search(
    toy: ToySet, monkeypatch: pytest.MonkeyPatch
) -> None:
    embeddings = open_embeddings(toy.workspace, toy.embeddings.id)
    task = make_task(open_dataset(toy.workspace, "toy"), Protocol(), embeddings.image_ids)
    gallery, queries = (embeddings.rows_of(ids) for ids in (task.gallery_ids, task.query_ids))
    [whole] = rank_exactly(task, embeddings.vectors, gallery, queries, 3)
    assert whole.ranked.shape == (3, 3)
    monkeypatch.setattr(ranking, "QUERIES_AT_ONCE", 2)
    monkeypatch.setattr(ranking, "VALUES_AT_ONCE", 6)
    blocks = rank_exactly(task, embeddings.vectors, gallery, queries, 3)
    parts = [block.ranked for block in blocks]
    assert [len(part) for part in parts] == [2, 1]
    assert np.array_equal(np.concatenate(parts), whole.ranked)


def test_the_classifier_predicts_from_the_embedding() -> None:
    """Its weights point along the axes, so the nearer axis is the predicted class."""
    classifier = Classifier(("right", "up"), np.eye(2, dtype=np.float32), np.zeros(2, np.float32))
    assert classifier.classify(at_angles(10, 80)).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ({"test": "train"}, "no usable image of “toy” with a class is in the test split"),
        ({"train": "validation"}, "is in the train split, so the gallery is empty"),
    ],
)
def test_an_empty_split_is_refused(toy: ToySet, splits: dict[str, str], message: str) -> None:
    catalog = open_dataset(toy.workspace, "toy").catalog
    catalog.set_splits({row.id: splits.get(str(row.split), row.split) for row in catalog.rows()})
    with pytest.raises(WorkbenchError, match=message):
        measured(toy)


def test_a_gallery_of_one_class_is_refused(toy: ToySet) -> None:
    catalog = open_dataset(toy.workspace, "toy").catalog
    blue = [row.id for row in catalog.rows() if row.label != "red"]
    catalog.set_splits(dict.fromkeys(blue, "validation"))
    with pytest.raises(WorkbenchError, match="of one class, “red”, so every result is relevant"):
        measured(toy)


def test_classes_without_gallery_images_are_refused(toy: ToySet) -> None:
    catalog = open_dataset(toy.workspace, "toy").catalog
    splits = {row.id: "train" if row.label == "red" else "test" for row in catalog.rows()}
    catalog.set_splits(splits)
    with pytest.raises(WorkbenchError, match="the gallery has no images of the queries' classes"):
        measured(toy)


def test_excluded_images_are_neither_queries_nor_in_the_gallery(toy: ToySet) -> None:
    catalog = open_dataset(toy.workspace, "toy").catalog
    exclude(catalog, [toy.ids["red/002.png"]])
    assert measured(toy).summary["num_queries"] == 2
    exclude(catalog, list(toy.ids.values()))
    with pytest.raises(WorkbenchError, match="no usable image of “toy” has a class"):
        measured(toy)


def test_images_without_classes_are_refused(workspace: Workspace) -> None:
    embeddings = embedded_set(workspace, 8, labeled=False)
    with pytest.raises(WorkbenchError, match="no usable image of “points” has a class"):
        finish(evaluate(workspace, EvaluateConfig(embeddings=embeddings.id)))


def test_an_index_without_its_embeddings_is_refused(toy: ToySet) -> None:
    index = toy.index()
    made = finish(evaluate(toy.workspace, EvaluateConfig(index=index)))
    exactly = measured(toy)
    delete_artifact(toy.workspace.embeddings, toy.embeddings.id)
    with pytest.raises(MissingError, match="The embeddings of the index .* are gone.*Rebuild it"):
        finish(evaluate(toy.workspace, EvaluateConfig(index=index)))
    assert read_lineage(toy.workspace).missing_source(exactly) == EMBEDDINGS_GONE
    delete_artifact(toy.workspace.indexes, index)
    assert read_lineage(toy.workspace).missing_source(made) == INDEX_GONE
    assert open_evaluation(toy.workspace, made.id).queries.shape[0] == 3  # The evaluation remains


def test_a_changed_table_is_refused(toy: ToySet) -> None:
    made = measured(toy)
    path = toy.workspace.evaluations / made.id / "queries.csv"
    path.write_text(path.read_text().replace("red", "rad"))
    with pytest.raises(DamagedArtifactError, match="queries.csv is damaged"):
        open_evaluation(toy.workspace, made.id)


def test_the_manifest_is_plain_json(toy: ToySet) -> None:
    made = measured(toy, replicates=0)
    assert json.loads(json.dumps(artifact_facts(made)))["intervals"] == {}
    assert made.config["gallery"] == Gallery.TRAIN


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "either an index or embeddings"),
        ({"index": "a", "embeddings": "b"}, "either an index or embeddings"),
        ({"embeddings": "b", "exact": True}, "exact needs an index"),
        ({"index": "a", "queries": "train"}, "queries must be one of test, validation, got train"),
        ({"index": "a", "gallery": "test"}, "gallery must be one of train"),
        ({"index": "a", "ks": "1,x"}, "ks must be numbers"),
        ({"index": "a", "ks": "0"}, "ks must be in 1..1000"),
        ({"index": "a", "replicates": -1}, "replicates must be in"),
        ({"index": "a", "seed": -1}, "seed must be in"),
    ],
)
def test_invalid_settings_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EvaluateConfig(**settings)  # type: ignore[arg-type]


def test_ranks_are_sorted_and_include_the_fixed_ones() -> None:
    assert EvaluateConfig(index="a", ks="30, 3").ranks == (1, 3, 5, 10, 30)


def test_measures_equal_those_computed_by_hand(toy: ToySet) -> None:
    made = finish(evaluate(toy.workspace, EvaluateConfig(index=toy.index())))

    found = made.summary
    assert found["map_at_10"] == pytest.approx((2 * FIRST_AND_THIRD + SECOND_AND_FOURTH) / 3)
    assert found["map_at_10_macro"] == pytest.approx((FIRST_AND_THIRD + SECOND_AND_FOURTH) / 2)
    assert found["recall_at_1"] == pytest.approx(2 / 3)
    assert found["recall_at_1_macro"] == 0.5
    assert found["recall_at_5"] == found["recall_at_10"] == 1.0
    assert found["precision_at_10"] == pytest.approx(0.2)  # Two of ten ranks, six of them empty
    counts = ("num_queries", "num_gallery", "num_classes", "num_skipped")
    assert [found[name] for name in counts] == [3, 4, 2, 1]


def test_only_train_images_are_retrieved(toy: ToySet) -> None:
    made = finish(evaluate(toy.workspace, EvaluateConfig(index=toy.index())))
    matches = queries_of(toy.workspace, made)["matches"]
    expected = ("red/000.png", "blue/000.png", "red/001.png", "blue/001.png")
    assert matches["red/002.png"].split() == [str(toy.ids[path]) for path in expected]
    gallery = {str(toy.ids[path]) for path in expected}
    assert all(set(found.split()) == gallery for found in matches)


def test_each_query_and_each_class_has_a_row(toy: ToySet) -> None:
    made = finish(evaluate(toy.workspace, EvaluateConfig(index=toy.index())))
    queries = queries_of(toy.workspace, made)
    assert queries["map_at_10"].to_dict() == pytest.approx(
        {
            "red/002.png": FIRST_AND_THIRD,
            "red/003.png": FIRST_AND_THIRD,
            "blue/002.png": SECOND_AND_FOURTH,
        }
    )
    folder = toy.workspace.evaluations / made.id
    classes = pd.read_csv(folder / "classes.csv", index_col="label")
    assert classes["num_queries"].to_dict() == {"red": 2, "blue": 1}
    assert classes["recall_at_1"].to_dict() == {"red": 1.0, "blue": 0.0}


def test_validation_images_can_be_queries(toy: ToySet) -> None:
    config = EvaluateConfig(index=toy.index(), queries="validation")
    made = finish(evaluate(toy.workspace, config))
    assert made.id.endswith("-validation")
    # Red at 0 retrieves its class first and third, and so does blue at 89
    assert made.summary["map_at_10"] == pytest.approx(FIRST_AND_THIRD)
    assert made.summary["num_skipped"] == 0


def test_the_recall_of_an_approximate_index_is_measured(toy: ToySet) -> None:
    exact = finish(evaluate(toy.workspace, EvaluateConfig(index=toy.index()))).summary
    narrow = toy.index(IndexConfig(kind="ivf", nlist=2, nprobe=1))
    found = finish(evaluate(toy.workspace, EvaluateConfig(index=narrow, exact=True))).summary
    assert found["index_recall_at_10"] < 1
    assert found["exact_map_at_10"] == exact["map_at_10"]


@pytest.mark.parametrize("kind", ["flat", "hnsw"])
def test_an_index_without_misses_has_a_recall_of_one(toy: ToySet, kind: str) -> None:
    index = toy.index(IndexConfig(kind=kind))
    found = finish(evaluate(toy.workspace, EvaluateConfig(index=index, exact=True))).summary
    assert found["index_recall_at_10"] == 1.0
    assert found["exact_map_at_10"] == found["map_at_10"]


def test_a_dataset_without_queries_is_refused(toy: ToySet) -> None:
    catalog = open_dataset(toy.workspace, "toy").catalog
    catalog.set_splits(dict.fromkeys(toy.ids.values(), "train"))
    with pytest.raises(WorkbenchError, match="There is nothing to evaluate"):
        finish(evaluate(toy.workspace, EvaluateConfig(index=toy.index())))
    assert not list(toy.workspace.evaluations.glob("*"))
