import numpy as np
import pytest

from core.metrics import leave_one_out as leave_one_out_module
from core.metrics.leave_one_out import leave_one_out, score, totals


def ranking(*hits: int) -> np.ndarray:
    """A row of ten ranks with hits at these ranks, counted from 1."""
    row = np.zeros((1, 10), np.bool_)
    row[0, [hit - 1 for hit in hits]] = True
    return row


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
def test_average_precision_by_hand(
    hits: tuple[int, ...], num_relevant: int, expected: float
) -> None:
    found = score(ranking(*hits), np.array([num_relevant]))
    assert found.average_precision.tolist() == pytest.approx([expected])
    assert found.average_precision.shape == (1,)


def test_recall_and_precision_by_hand() -> None:
    found = score(ranking(4, 6), np.array([7]))
    assert {k: v.tolist() for k, v in found.recall.items()} == {1: [0.0], 5: [1.0], 10: [1.0]}
    assert found.precision.tolist() == [0.2]


def test_macro_weighs_every_category_alike() -> None:
    rows = np.vstack([ranking(1), ranking(1), ranking(1), ranking(2)])
    found = totals(score(rows, np.ones(4, np.int64)), ["big", "big", "big", "small"])
    assert found["recall_at_1"] == 0.75
    assert found["recall_at_1_macro"] == 0.5


def test_a_query_without_anything_to_find_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one relevant"):
        score(ranking(1), np.array([0]))
    with pytest.raises(ValueError, match="relevant must be"):
        score(np.zeros((1, 5), np.bool_), np.array([1]))


def test_leave_one_out_never_counts_an_image_for_itself() -> None:
    degrees = np.deg2rad([0, 10, 90, 100])
    embeddings = np.stack([np.cos(degrees), np.sin(degrees)], axis=1).astype(np.float32)
    assert leave_one_out(embeddings, np.array([0, 0, 1, 1]))["recall_at_1"] == 1.0
    assert leave_one_out(embeddings, np.array([0, 1, 0, 1]))["recall_at_1"] == 0.0
    assert leave_one_out(embeddings, np.array([0, 1, 2, 3])) == {}


def test_blocks_of_queries_give_the_same_as_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = np.random.default_rng(3)
    embeddings = draws.normal(size=(50, 8)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    labels = draws.integers(0, 5, 50)
    whole = leave_one_out(embeddings, labels)
    similarity = embeddings @ embeddings.T - 9 * np.eye(50, dtype=np.float32)
    nearest = labels[similarity.argmax(axis=1)]
    assert whole["recall_at_1"] == pytest.approx((nearest == labels).mean())
    monkeypatch.setattr(leave_one_out_module, "BLOCK", 7)
    assert leave_one_out(embeddings, labels) == whole
