"""The protocol of an evaluation: who asks, who may be found, what is left out, what is refused."""

import json

import numpy as np
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
from core.lineage.graph import EMBEDDINGS_GONE, INDEX_GONE, read_lineage
from core.progress import finish
from core.workspace import Workspace
from tests.factories.by_hand import FIRST_AND_THIRD, SECOND_AND_FOURTH, Hand, unit_vectors
from tests.factories.embeddings import embedded_set


def measured(hand: Hand, **settings: object) -> Manifest:
    """Evaluate the embeddings by hand, exactly."""
    config = EvaluateConfig(embeddings=hand.embeddings.id, **settings)  # type: ignore[arg-type]
    return finish(evaluate(hand.workspace, config))


def test_embeddings_are_evaluated_without_an_index(hand: Hand) -> None:
    made = measured(hand)
    found = made.summary
    assert found["map_at_10"] == pytest.approx((2 * FIRST_AND_THIRD + SECOND_AND_FOURTH) / 3)
    # R is 2 for red and for blue: red finds one of the first two, blue one of them as second
    assert found["r_precision"] == pytest.approx(1 / 2)
    assert found["map_at_r"] == pytest.approx((2 * (1 / 2) + (1 / 2) / 2) / 3)
    assert found["mrr"] == pytest.approx((1 + 1 + 1 / 2) / 3)
    assert found["ranks"] == [1, 2, 5, 10, 20, 50, 100]
    low, high = found["intervals"]["recall_at_1"]
    assert 0 <= low <= 2 / 3 <= high <= 1
    assert made.made_from["embeddings_fingerprint"] == hand.embeddings.fingerprint
    assert "index" not in made.made_from


def test_an_index_is_measured_as_deep_as_it_is_used(hand: Hand) -> None:
    config = EvaluateConfig(index=hand.index(), exact=True)
    found = finish(evaluate(hand.workspace, config)).summary
    assert found["ranks"] == [1, 2, 5, 10]
    assert "map_at_r" not in found
    assert found["exact_recall_at_1"] == found["recall_at_1"] == pytest.approx(2 / 3)


def test_copies_of_a_query_are_no_answer_to_it(hand: Hand) -> None:
    """Red 10, the nearest to both red queries, is made a copy of the query at 0."""
    catalog = open_dataset(hand.workspace, "hand").catalog
    rows = {row.path: row for row in catalog.rows()}
    copied = rows["red/000.png"]._replace(sha256=rows["red/002.png"].sha256)
    catalog.write(changed={copied.id: copied})

    made = measured(hand)
    queries = open_evaluation(hand.workspace, made.id).queries.set_index("path")
    matches = queries["matches"].to_dict()
    expected = ("blue/000.png", "red/001.png", "blue/001.png")
    assert matches["red/002.png"].split() == [str(hand.ids[path]) for path in expected]
    assert matches["red/003.png"].split()[0] == str(hand.ids["red/000.png"])
    assert queries["num_relevant"].to_dict() == {
        "red/002.png": 1,
        "red/003.png": 2,
        "blue/002.png": 2,
    }
    assert made.summary["num_copies"] == 1


def test_validation_images_can_be_found_too_but_never_by_themselves(hand: Hand) -> None:
    made = measured(hand, queries="validation", gallery="train+validation")
    queries = open_evaluation(hand.workspace, made.id).queries.set_index("path")
    found = queries["matches"].to_dict()["red/004.png"].split()
    assert str(hand.ids["red/004.png"]) not in found
    assert len(found) == 5  # The four train images and the other validation image
    assert queries["num_relevant"].tolist() == [2, 2]
    assert protocol_of(made)[2:] == ("validation", "train+validation")


def test_a_class_that_only_asks_is_left_out_and_named(hand: Hand) -> None:
    found = measured(hand).summary
    assert (found["num_skipped"], found["skipped_classes"]) == (1, {"green": 1})
    said = describe_evaluation({"id": "x", **found})
    assert "skipped, none relevant: 1 queries of green" in said
    assert "recall_at_1            0.6667 [" in said


def test_what_was_found_of_each_class_is_counted(hand: Hand) -> None:
    made = open_evaluation(hand.workspace, measured(hand).id)
    counts = made.confusion.set_index(["label", "found"])["count"].to_dict()
    # Each of the three queries finds all four images
    assert counts == {
        ("red", "red"): 4,
        ("red", "blue"): 4,
        ("blue", "blue"): 2,
        ("blue", "red"): 2,
    }
    assert made.classes["most_confused"].tolist() == ["red", "blue"]
    assert made.interval("map_at_10") is not None


def test_stretches_and_blocks_find_what_all_at_once_does(
    hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    embeddings = open_embeddings(hand.workspace, hand.embeddings.id)
    task = make_task(open_dataset(hand.workspace, "hand"), Protocol(), embeddings.image_ids)
    gallery, asking = (embeddings.rows_of(ids) for ids in (task.gallery_ids, task.query_ids))
    [whole] = rank_exactly(task, embeddings.vectors, gallery, asking, 3)
    assert whole.found.shape == (3, 3)
    monkeypatch.setattr(ranking, "QUERIES_AT_ONCE", 2)
    monkeypatch.setattr(ranking, "VALUES_AT_ONCE", 6)
    stretches = rank_exactly(task, embeddings.vectors, gallery, asking, 3)
    parts = [stretch.found for stretch in stretches]
    assert [len(part) for part in parts] == [2, 1]
    assert np.array_equal(np.concatenate(parts), whole.found)


def test_the_classifier_goes_by_the_embedding() -> None:
    """Its weights point along the axes: what lies nearer to an axis is of its class."""
    classifier = Classifier(("right", "up"), np.eye(2, dtype=np.float32), np.zeros(2, np.float32))
    assert classifier.classify(unit_vectors(10, 80)).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("splits", "said"),
    [
        ({"test": "train"}, "no usable image of “hand” with a class is in the test split"),
        ({"train": "validation"}, "is in the train split, so queries would find nothing"),
    ],
)
def test_an_empty_split_is_said(hand: Hand, splits: dict[str, str], said: str) -> None:
    catalog = open_dataset(hand.workspace, "hand").catalog
    catalog.set_splits({row.id: splits.get(str(row.split), row.split) for row in catalog.rows()})
    with pytest.raises(WorkbenchError, match=said):
        measured(hand)


def test_images_of_one_class_are_no_test(hand: Hand) -> None:
    catalog = open_dataset(hand.workspace, "hand").catalog
    blue = [row.id for row in catalog.rows() if row.label != "red"]
    catalog.set_splits(dict.fromkeys(blue, "validation"))
    with pytest.raises(WorkbenchError, match="of one class, “red”, so every answer is right"):
        measured(hand)


def test_classes_that_share_no_split_are_said(hand: Hand) -> None:
    catalog = open_dataset(hand.workspace, "hand").catalog
    splits = {row.id: "train" if row.label == "red" else "test" for row in catalog.rows()}
    catalog.set_splits(splits)
    with pytest.raises(WorkbenchError, match="classes of the queries have no images to find"):
        measured(hand)


def test_what_curation_took_out_neither_asks_nor_is_found(hand: Hand) -> None:
    catalog = open_dataset(hand.workspace, "hand").catalog
    exclude(catalog, [hand.ids["red/002.png"]])
    assert measured(hand).summary["num_queries"] == 2
    exclude(catalog, list(hand.ids.values()))
    with pytest.raises(WorkbenchError, match="no usable image of “hand” has a class"):
        measured(hand)


def test_images_without_classes_are_said(workspace: Workspace) -> None:
    embeddings = embedded_set(workspace, 8, labeled=False)
    with pytest.raises(WorkbenchError, match="no usable image of “points” has a class"):
        finish(evaluate(workspace, EvaluateConfig(embeddings=embeddings.id)))


def test_an_index_whose_embeddings_are_gone_says_how_to_go_on(hand: Hand) -> None:
    index = hand.index()
    made = finish(evaluate(hand.workspace, EvaluateConfig(index=index)))
    exactly = measured(hand)
    delete_artifact(hand.workspace.embeddings, hand.embeddings.id)
    with pytest.raises(MissingError, match="was built from are gone.*Rebuild it"):
        finish(evaluate(hand.workspace, EvaluateConfig(index=index)))
    assert read_lineage(hand.workspace).missing_source(exactly) == EMBEDDINGS_GONE
    delete_artifact(hand.workspace.indexes, index)
    assert read_lineage(hand.workspace).missing_source(made) == INDEX_GONE
    assert open_evaluation(hand.workspace, made.id).queries.shape[0] == 3  # Its figures stay


def test_a_changed_table_is_refused(hand: Hand) -> None:
    made = measured(hand)
    path = hand.workspace.evaluations / made.id / "queries.csv"
    path.write_text(path.read_text().replace("red", "rad"))
    with pytest.raises(DamagedArtifactError, match="queries.csv is damaged"):
        open_evaluation(hand.workspace, made.id)


def test_the_manifest_is_json_that_can_be_read_by_anyone(hand: Hand) -> None:
    made = measured(hand, replicates=0)
    assert json.loads(json.dumps(artifact_facts(made)))["intervals"] == {}
    assert made.config["gallery"] == Gallery.TRAIN


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "either an index or embeddings"),
        ({"index": "a", "embeddings": "b"}, "either an index or embeddings"),
        ({"embeddings": "b", "exact": True}, "exact goes with an index"),
        ({"index": "a", "gallery": "test"}, "gallery must be one of train"),
        ({"index": "a", "ks": "1,x"}, "ks must be numbers"),
        ({"index": "a", "ks": "0"}, "ks must be in 1..1000"),
        ({"index": "a", "replicates": -1}, "replicates must be in"),
        ({"index": "a", "seed": -1}, "seed must be in"),
    ],
)
def test_a_config_that_cannot_be_is_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        EvaluateConfig(**settings)  # type: ignore[arg-type]


def test_ranks_are_sorted_and_the_usual_ones_always_among_them() -> None:
    assert EvaluateConfig(index="a", ks="30, 3").ranks == (1, 3, 5, 10, 30)
