"""Label proposals on unit vectors around known directions."""

import numpy as np
import pytest

from core.datasets import curation
from core.datasets.catalog import Catalog
from core.datasets.columns import ImageFilter
from core.embeddings.files import Embeddings, open_embeddings
from core.embeddings.unit_rows import unit
from core.labeling.proposals import (
    AUTO_LABELED,
    accept,
    calibrate,
    expected_precision,
    num_at,
    predict,
    propose_labels,
    representatives,
)
from core.workspace import Workspace
from tests.factories.quality import indexed_set
from tests.factories.rows import image_row
from tests.factories.vectors import at_angles

ANGLES = (0, 2, 4, 6, 8, 10, 90, 92, 94, 96, 98, 100)


def around(center: float, count: int) -> list[float]:
    angles: list[float] = np.random.default_rng(int(center)).normal(center, 4, count).tolist()
    return angles


@pytest.fixture
def half_labeled(workspace: Workspace) -> tuple[Embeddings, Catalog]:
    """Six images near 0°, six near 90°; the first three of each are labeled a and b."""
    labels = ["a"] * 3 + [None] * 3 + ["b"] * 3 + [None] * 3
    rows = [image_row(place, label) for place, label in enumerate(labels)]
    index, catalog = indexed_set(workspace, rows, at_angles(*ANGLES))
    return open_embeddings(workspace, index.made_from["embeddings"]), catalog


def test_unlabeled_images_get_the_class_of_the_examples_like_them(
    half_labeled: tuple[Embeddings, Catalog],
) -> None:
    found = propose_labels(*half_labeled)
    assert found.labels == {4: "a", 5: "a", 6: "a", 10: "b", 11: "b", 12: "b"}
    assert found.unlabeled.tolist() == [4, 5, 6, 10, 11, 12]
    assert found.num_examples == 6
    assert (np.diff(list(found.probabilities.values())) <= 0).all()


def test_six_right_examples_are_no_certainty(half_labeled: tuple[Embeddings, Catalog]) -> None:
    found = propose_labels(*half_labeled)
    assert max(found.probabilities.values()) < 0.9
    assert found.num_at(0.95) == 0
    assert found.num_at(0.5) == 6


def test_accepted_labels_are_tagged_no_examples_and_undone_at_once(
    half_labeled: tuple[Embeddings, Catalog],
) -> None:
    embeddings, catalog = half_labeled
    labels = propose_labels(embeddings, catalog).labels
    assert accept(catalog, labels, reviewed=False) == 6
    assert len(catalog.ids(ImageFilter(tags=(AUTO_LABELED,)))) == 6
    after = propose_labels(embeddings, catalog)
    assert (len(after.unlabeled), after.num_examples) == (0, 6)
    assert curation.undo(catalog) == "labeled 6 images as proposed"
    assert propose_labels(embeddings, catalog).labels == labels


def test_a_reviewed_label_is_an_example(half_labeled: tuple[Embeddings, Catalog]) -> None:
    embeddings, catalog = half_labeled
    accept(catalog, {4: "a"}, reviewed=True)
    assert propose_labels(embeddings, catalog).num_examples == 7


def test_excluded_images_get_no_proposal(half_labeled: tuple[Embeddings, Catalog]) -> None:
    embeddings, catalog = half_labeled
    curation.exclude(catalog, [4])
    assert 4 not in propose_labels(embeddings, catalog).labels


@pytest.mark.parametrize("examples", [[], [0], [0, 1], [0, 1, 6], [6, 7, 8]])
def test_without_two_classes_of_two_examples_nothing_is_proposed(examples: list[int]) -> None:
    classes = np.full(12, -1, np.int32)
    classes[examples] = np.array(examples) // 6
    order, probabilities, labels = predict(at_angles(*ANGLES), classes, np.arange(3, 6))
    assert len(order) == len(probabilities) == len(labels) == 0


def test_the_expected_precision_is_that_of_the_accepted_images() -> None:
    draw = np.random.default_rng(0)
    truth = (np.arange(2000) % 8).astype(np.int32)
    points = draw.normal(size=(8, 16))[truth] + draw.normal(0, 1.6, size=(2000, 16))
    vectors = unit(points.astype(np.float32))
    examples = np.where(np.arange(2000) < 400, truth, np.int32(-1)).astype(np.int32)
    unlabeled = np.flatnonzero(examples < 0)
    order, probabilities, labels = predict(vectors, examples, unlabeled)
    right = labels == truth[unlabeled[order]]
    assert right.mean() == pytest.approx(probabilities.mean(), abs=0.05)
    expected = expected_precision(probabilities)
    count = num_at(expected, 0.9)
    assert 0.1 * len(order) < count < len(order)
    assert expected[count - 1] >= 0.9 > expected[count]
    assert right[:count].mean() > 0.87


def test_calibration_is_the_share_of_right_predictions_of_a_confidence() -> None:
    confidences = np.repeat(np.array([0.2, 0.9], np.float32), 50)
    right = np.concatenate([np.arange(50) < 10, np.ones(50, bool)])
    found = calibrate(confidences, right, np.array([0.1, 0.2, 0.9, 1.0], np.float32))
    assert found.tolist() == pytest.approx([0.2, 0.2, 51 / 52, 51 / 52])


def test_representatives_come_from_all_groups_the_largest_first() -> None:
    vectors = at_angles(*around(0, 40), *around(120, 20), *around(240, 10))
    rows = representatives(vectors, np.arange(70), 3)
    assert [int(row >= 40) + int(row >= 60) for row in rows] == [0, 1, 2]
    assert representatives(vectors, np.arange(2), 3).tolist() == [0, 1]
