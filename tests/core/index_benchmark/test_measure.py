"""Benchmark queries, and the figures of one index."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from core.embeddings.exact_search import nearest_rows
from core.errors import WorkbenchError
from core.index_benchmark.measure import index_recall, measure
from core.index_benchmark.queries import BenchmarkQueries, exclude_self, make_benchmark_queries
from core.indexes.build import build
from core.indexes.config import IndexConfig
from core.indexes.store import Effort, Matches, VectorStore
from core.progress import finish
from core.workspace import Workspace
from tests.factories.embeddings import clusters, embedded_set


def test_exact_neighbors_are_those_of_a_matrix_product(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.embeddings.exact_search.VALUES_AT_ONCE", 64 * 8)
    vectors = clusters(300)
    rows, similarities = finish(nearest_rows(vectors, vectors[:5], 7))

    plain = vectors[:5] @ vectors.T
    assert rows.dtype == np.int64
    np.testing.assert_array_equal(rows, np.argsort(-plain, axis=1)[:, :7])
    np.testing.assert_allclose(similarities, -np.sort(-plain, axis=1)[:, :7], atol=1e-6)


def test_a_query_is_not_among_its_neighbors() -> None:
    assert exclude_self(5, np.array([5, 3, 9]), 2).tolist() == [3, 9]
    assert exclude_self(5, np.array([7, 3, 9]), 2).tolist() == [
        7,
        3,
    ]  # It missed the query's own image


def test_benchmark_queries_have_exact_neighbors(workspace: Workspace) -> None:
    embeddings = embedded_set(workspace, 400)
    benchmark = finish(make_benchmark_queries(workspace, embeddings.id, 200, seed=3))

    assert benchmark.queries.shape == (200, 16)
    assert benchmark.queries.dtype == np.float32
    assert benchmark.exact.shape == (200, 100)
    assert benchmark.exact.dtype == np.int64
    assert not (benchmark.exact == benchmark.query_ids[:, None]).any()
    again = finish(make_benchmark_queries(workspace, embeddings.id, 200, seed=3))
    np.testing.assert_array_equal(benchmark.query_ids, again.query_ids)
    halves = benchmark.half(0), benchmark.half(1)
    assert not np.intersect1d(halves[0].query_ids, halves[1].query_ids).size
    assert benchmark.classes_of(np.array([1, 2, 9, 4000])).tolist() == [0, 1, 0, -1]


def test_benchmark_queries_need_three_images(workspace: Workspace) -> None:
    embeddings = embedded_set(workspace, 5)
    assert finish(make_benchmark_queries(workspace, embeddings.id)).exact.shape == (5, 4)
    with pytest.raises(WorkbenchError, match="at least 3 images, and 2 are embedded"):
        finish(make_benchmark_queries(Workspace(workspace.home / "other"), _two(workspace)))


def _two(workspace: Workspace) -> str:
    return embedded_set(Workspace(workspace.home / "other"), 2).id


def line_queries() -> BenchmarkQueries:
    """Four images on a line, 1 and 2 of one class, 3 and 4 of another; 2 and 3 are queries."""
    return BenchmarkQueries(
        query_ids=np.array([2, 3]),
        queries=np.eye(2, dtype=np.float32),
        exact=np.array([[1, 3, 4], [4, 2, 1]]),
        labeled=np.array([1, 2, 3, 4]),
        classes=np.array([0, 0, 1, 1], np.int32),
    )


class FixedStore(VectorStore):
    """Returns the same results for every query."""

    count, dimension, effort = 4, 2, Effort("nprobe", 1, 2)
    is_remote = stores_labels = is_exact = False

    def __init__(self, *answers: list[int]) -> None:
        self.answers = answers

    def _search(
        self,
        queries: NDArray[np.float32],
        k: int,
        subset: NDArray[np.int64] | None,
        labels: tuple[str, ...],
        effort: int | None,
    ) -> list[Matches]:
        answers = self.answers if len(queries) > 1 else self.answers[:1]
        return [
            Matches(np.array(ids[:k]), np.linspace(1, 0, len(ids[:k]), dtype=np.float32))
            for ids in answers
        ]

    def _add(
        self, vectors: NDArray[np.float32], image_ids: NDArray[np.int64], labels: tuple[str, ...]
    ) -> None: ...

    def remove(self, image_ids: NDArray[np.int64]) -> int:
        return 0

    def holds(self, image_ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.isin(image_ids, np.arange(1, 5))

    def save(self, folder: Path) -> dict[str, Any]:
        return {}


def test_recall_and_precision_can_be_checked_by_hand() -> None:
    store = FixedStore([2, 1, 4], [3, 2, 1])  # The first misses 3, the second misses 4
    measured = finish(measure(store, line_queries()))

    assert measured.num_queries == 2
    assert measured.recall[1] == 0.5  # 1 is nearest to 2, but 4, not 2, is nearest to 3
    assert measured.recall[10] == pytest.approx(4 / 6)
    assert measured.precision == pytest.approx((1 / 10 + 0 / 10) / 2)
    assert measured.exact_precision == pytest.approx((1 / 10 + 1 / 10) / 2)
    assert 0 < measured.latency_ms[50] <= measured.latency_ms[95] <= measured.latency_ms[99]
    assert measured.queries_per_s > 0


def test_an_exact_index_recalls_everything(workspace: Workspace) -> None:
    embeddings = embedded_set(workspace, 400)
    benchmark = finish(make_benchmark_queries(workspace, embeddings.id, 200))
    ids = np.arange(1, 401)
    store = finish(build(clusters(400), ids, IndexConfig()))
    measured = finish(measure(store, benchmark))
    assert measured.recall == {1: 1.0, 10: 1.0, 100: 1.0}
    assert measured.precision == measured.exact_precision
    assert measured.precision is not None
    assert measured.precision > 0.9  # The classes are clusters


def test_without_classes_there_is_no_precision(workspace: Workspace) -> None:
    embeddings = embedded_set(workspace, 300, labeled=False)
    benchmark = finish(make_benchmark_queries(workspace, embeddings.id, 200))
    store = finish(build(clusters(300), np.arange(1, 301), IndexConfig()))
    assert finish(measure(store, benchmark)).precision is None


def test_more_effort_finds_more(workspace: Workspace) -> None:
    embeddings = embedded_set(workspace, 2000)
    benchmark = finish(make_benchmark_queries(workspace, embeddings.id, 200))
    config = IndexConfig(kind="ivf", nlist=40)
    store = finish(build(clusters(2000), np.arange(1, 2001), config))
    recalls = [index_recall(store, benchmark, effort) for effort in (1, 4, 40)]
    assert recalls[0] < recalls[1] < recalls[2] == 1.0
