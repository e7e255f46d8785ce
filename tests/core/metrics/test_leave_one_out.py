import numpy as np
import pytest

from core.metrics import leave_one_out as leave_one_out_module
from core.metrics.leave_one_out import leave_one_out


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
