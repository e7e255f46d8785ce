"""Measures by hand, and compared with pytorch-metric-learning and scikit-learn."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import ndcg_score
from sklearn.neighbors import KNeighborsClassifier

from core.metrics import measures as leave_one_out_module
from core.metrics.measures import EMPTY, leave_one_out, measure, precision_by_rank, vote

DEPTH = 10
HITS = np.array([[7, 1, 7, 1, 1, 1, 1, 1, 1, 1]])


def by_hand(
    num_relevant: int, retrieved: NDArray[np.int64] = HITS, **options: bool
) -> dict[str, float]:
    """Measure one query of class 7."""
    measured = measure(retrieved, np.array([7]), np.array([num_relevant]), (1, 2, 5, 10), **options)
    assert all(values.shape == (1,) and values.dtype == np.float64 for values in measured.values())
    return {name: float(values[0]) for name, values in measured.items()}


def test_a_hit_at_ranks_1_and_3_of_two_relevant_images() -> None:
    found = by_hand(2)
    assert found["map_at_10"] == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert found["map_at_r"] == pytest.approx((1 / 1) / 2)  # Of the first two ranks one is a hit
    assert found["r_precision"] == 0.5
    assert found["mrr"] == 1.0
    assert found["precision_at_5"] == pytest.approx(2 / 5)
    assert found["ndcg_at_10"] == pytest.approx((1 + 1 / 2) / (1 + 1 / np.log2(3)))
    assert found["recall_at_1"] == 1.0
    assert (found["knn_accuracy_at_2"], found["knn_accuracy_at_10"]) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("hits", "num_relevant", "expected"),
    [
        ((1, 3), 2, (1 / 1 + 2 / 3) / 2),  # Both found
        ((1, 3), 5, (1 / 1 + 2 / 3) / 5),  # Two of five found
        ((2,), 1, 1 / 2),
        ((), 4, 0.0),
        (range(1, 11), 40, 1.0),  # No more than ten can be found
    ],
)
def test_average_precision_of_hits_at_given_ranks(
    hits: tuple[int, ...], num_relevant: int, expected: float
) -> None:
    row = [7 if rank in hits else 1 for rank in range(1, DEPTH + 1)]
    assert by_hand(num_relevant, np.array([row]))["map_at_10"] == pytest.approx(expected)


def test_measures_over_r_ranks_cover_all_ranks_where_r_is_greater() -> None:
    assert by_hand(40)["r_precision"] == pytest.approx(2 / DEPTH)
    assert by_hand(40)["map_at_r"] == pytest.approx((1 / 1 + 2 / 3) / DEPTH)
    assert "map_at_r" not in by_hand(40, to_r=False)


def test_empty_ranks_are_misses_and_do_not_vote() -> None:
    found = by_hand(3, np.array([[1, 7, *[EMPTY] * 8]]))
    assert (found["mrr"], found["precision_at_10"]) == (0.5, 0.1)
    assert found["knn_accuracy_at_10"] == 0.0  # One vote each: the nearest wins
    assert by_hand(3, np.full((1, DEPTH), EMPTY))["knn_accuracy_at_10"] == 0.0


def test_of_classes_with_as_many_votes_that_of_the_nearest_wins() -> None:
    assert vote(np.array([[4, 2, 2, 4], [5, 6, 6, 7], [3, 0, 0, 0]])).tolist() == [4, 6, 0]


def test_wrong_shapes_and_queries_without_relevant_images_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one relevant"):
        by_hand(0)
    with pytest.raises(ValueError, match="retrieved must be"):
        by_hand(1, HITS[:, :5])


Drawn = tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]


def drawn(seed: int, gallery: int = 60, queries: int = 40) -> Drawn:
    """Return random unit vectors and classes: of the queries, of the gallery."""
    draws = np.random.default_rng(seed)
    vectors = draws.normal(size=(queries + gallery, 6)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = draws.integers(0, 4, queries + gallery)
    return vectors[:queries], labels[:queries], vectors[queries:], labels[queries:]


Ranked = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def ranked(seed: int) -> Ranked:
    """Return the classes retrieved down to the last rank, the classes expected, and R."""
    queries, expected, gallery, labels = drawn(seed)
    order = np.argsort(-(queries @ gallery.T), axis=1, kind="stable")
    return labels[order], expected, np.bincount(labels, minlength=4)[expected]


THEIRS = """
import json, sys
import numpy as np, torch
from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
measures = sys.argv[2].split(",")
theirs = AccuracyCalculator(include=measures, k=60, device=torch.device("cpu"))
with np.load(sys.argv[1]) as cases:
    arrays = [[cases[f"{seed}-{place}"] for place in range(4)] for seed in range(5)]
print(json.dumps([theirs.get_accuracy(*case) for case in arrays]))
"""
"""Runs in a process of its own: importing the package patches FAISS."""

NAMES = {
    "recall_at_1": "precision_at_1",
    "r_precision": "r_precision",
    "map_at_r": "mean_average_precision_at_r",
    "map_at_60": "mean_average_precision",
    "mrr": "mean_reciprocal_rank",
}
"""Our names, and those of pytorch-metric-learning."""


@pytest.mark.slow
def test_pytorch_metric_learning_finds_the_same(tmp_path: Path) -> None:
    cases = {f"{seed}-{n}": array for seed in range(5) for n, array in enumerate(drawn(seed))}
    np.savez(tmp_path / "cases.npz", **cases)  # type: ignore[arg-type]
    command = [sys.executable, "-c", THEIRS, str(tmp_path / "cases.npz"), ",".join(NAMES.values())]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    for seed, expected in enumerate(json.loads(ended.stdout)):
        ours = {name: values.mean() for name, values in measure(*ranked(seed), (1, 60)).items()}
        for name, other in NAMES.items():
            assert ours[name] == pytest.approx(expected[other]), name


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("k", [1, 5, 10])
def test_scikit_learn_finds_the_same(seed: int, k: int) -> None:
    queries, expected, gallery, labels = drawn(seed)
    retrieved, _, num_relevant = ranked(seed)
    ours = measure(retrieved, expected, num_relevant, (k,))
    for at, similarities in enumerate(queries @ gallery.T):
        theirs = ndcg_score([labels == expected[at]], [similarities], k=k)
        assert ours[f"ndcg_at_{k}"][at] == pytest.approx(theirs)
    classifier = KNeighborsClassifier(k, metric="euclidean").fit(gallery, labels)
    counts = np.sort(classifier.predict_proba(queries), axis=1)
    sure = counts[:, -1] > counts[:, -2]  # It breaks ties in another way
    assert sure.any()
    assert np.array_equal(vote(retrieved[:, :k])[sure], classifier.predict(queries)[sure])


def test_precision_has_a_value_for_each_rank_of_one_query_or_many() -> None:
    for relevant in (HITS == 7, (HITS == 7)[0]):
        precision = precision_by_rank(relevant)
        assert precision.shape == relevant.shape
        assert precision[..., :3].ravel().tolist() == pytest.approx([1, 1 / 2, 2 / 3])


def unit_rows(*degrees: float) -> np.ndarray:
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_an_image_never_matches_itself() -> None:
    embeddings = unit_rows(0, 10, 90, 100)
    assert leave_one_out(embeddings, np.array([0, 0, 1, 1]))["recall_at_1"] == 1.0
    assert leave_one_out(embeddings, np.array([0, 1, 0, 1]))["recall_at_1"] == 0.0
    assert leave_one_out(embeddings, np.array([0, 1, 2, 3])) == {}


def test_measures_match_a_calculation_by_hand() -> None:
    """The image at 90 degrees has no other of its class and is no query."""
    found = leave_one_out(unit_rows(0, 10, 90, 25), np.array([0, 0, 1, 0]))
    assert found["map_at_10"] == 1.0
    assert found["precision_at_10"] == pytest.approx(0.2)
    found = leave_one_out(unit_rows(0, 10, 20, 90), np.array([0, 1, 0, 1]))
    # Ranks of the one relevant image: 2 of 0°, 3 of 10°, 2 of 20°, 2 of 90°
    assert found["map_at_10"] == pytest.approx((1 / 2 + 1 / 3 + 1 / 2 + 1 / 2) / 4)
    assert (found["recall_at_1"], found["recall_at_5"]) == (0.0, 1.0)


def test_blocks_of_queries_give_the_same_as_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(3)
    embeddings = generator.normal(size=(50, 8)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    labels = generator.integers(0, 5, 50)
    whole = leave_one_out(embeddings, labels)
    similarity = embeddings @ embeddings.T - 9 * np.eye(50, dtype=np.float32)
    nearest = labels[similarity.argmax(axis=1)]
    assert whole["recall_at_1"] == pytest.approx((nearest == labels).mean())
    monkeypatch.setattr(leave_one_out_module, "BLOCK", 7)
    assert leave_one_out(embeddings, labels) == whole
