"""Measuring, sweeping and recommending indexes."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from core.embeddings.exact_search import nearest_rows
from core.errors import WorkbenchError
from core.index_benchmark.config import RecommendConfig, SweepConfig
from core.index_benchmark.measure import index_recall, measure
from core.index_benchmark.points import Measured, Point, best_points
from core.index_benchmark.proposals import proposals
from core.index_benchmark.queries import BenchmarkQueries, exclude_self, make_benchmark_queries
from core.index_benchmark.recommend import recommend
from core.index_benchmark.sweep import open_sweep, sweep
from core.indexes.build import build
from core.indexes.config import IndexConfig
from core.indexes.files import open_index
from core.indexes.store import Effort, Matches
from core.progress import Measurement, Progress, Stop, Work, finish, run_part
from core.workspace import Workspace
from tests.factories.embeddings import clusters, embedded_set


def test_exact_neighbors_are_those_of_a_plain_product(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.embeddings.exact_search.BLOCK", 64)
    vectors = clusters(300)
    rows, similarities = finish(nearest_rows(vectors, vectors[:5], 7))

    plain = vectors[:5] @ vectors.T
    assert rows.dtype == np.int64
    np.testing.assert_array_equal(rows, np.argsort(-plain, axis=1)[:, :7])
    np.testing.assert_allclose(similarities, -np.sort(-plain, axis=1)[:, :7], atol=1e-6)


def test_a_query_is_never_its_own_answer() -> None:
    assert exclude_self(5, np.array([5, 3, 9]), 2).tolist() == [3, 9]
    assert exclude_self(5, np.array([7, 3, 9]), 2).tolist() == [
        7,
        3,
    ]  # It missed the query's own image


def test_a_bench_knows_the_neighbors_of_random_images(workspace: Workspace) -> None:
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


def test_a_few_images_are_enough_for_a_bench_and_two_are_not(workspace: Workspace) -> None:
    embeddings = embedded_set(workspace, 5)
    assert finish(make_benchmark_queries(workspace, embeddings.id)).exact.shape == (5, 4)
    with pytest.raises(WorkbenchError, match="at least 3 images, and 2 are embedded"):
        finish(make_benchmark_queries(Workspace(workspace.home / "other"), _two(workspace)))


def _two(workspace: Workspace) -> str:
    return embedded_set(Workspace(workspace.home / "other"), 2).id


def line_bench() -> BenchmarkQueries:
    """Four images on a line, 1 and 2 of one class, 3 and 4 of another; 2 and 3 are queries."""
    return BenchmarkQueries(
        query_ids=np.array([2, 3]),
        queries=np.eye(2, dtype=np.float32),
        exact=np.array([[1, 3, 4], [4, 2, 1]]),
        labeled=np.array([1, 2, 3, 4]),
        classes=np.array([0, 0, 1, 1], np.int32),
    )


class FixedStore:
    """Returns the same results for every query."""

    count, dimension, effort = 4, 2, Effort("nprobe", 1, 2)
    is_remote = stores_labels = False

    def __init__(self, *answers: list[int]) -> None:
        self.answers = answers

    def search(
        self,
        queries: NDArray[np.float32],
        k: int,
        *,
        subset: NDArray[np.int64] | None = None,
        labels: tuple[str, ...] = (),
        effort: int | None = None,
    ) -> list[Matches]:
        answers = self.answers if len(queries) > 1 else self.answers[:1]
        return [
            Matches(np.array(ids[:k]), np.linspace(1, 0, len(ids[:k]), dtype=np.float32))
            for ids in answers
        ]

    def add(
        self,
        vectors: NDArray[np.float32],
        image_ids: NDArray[np.int64],
        labels: tuple[str, ...] = (),
    ) -> None: ...

    def remove(self, image_ids: NDArray[np.int64]) -> int:
        return 0

    def save(self, folder: Path) -> dict[str, Any]:
        return {}


def test_recall_and_precision_can_be_checked_by_hand() -> None:
    store = FixedStore([2, 1, 4], [3, 2, 1])  # The first misses 3, the second misses 4
    measured = finish(measure(store, line_bench()))

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


def point(recall: float, latency: float) -> Point:
    measured = Measured(
        num_queries=200,
        recall={1: recall, 10: recall, 100: recall},
        latency_ms={50: latency, 95: latency, 99: latency},
        queries_per_s=1.0,
        precision=None,
        exact_precision=None,
    )
    return Point(
        config=IndexConfig(),
        factory="Flat",
        effort=None,
        measured=measured,
        build_s=0,
        size_bytes=1,
    )


def test_only_points_that_no_other_beats_are_on_the_front() -> None:
    points = [point(0.9, 1), point(0.8, 2), point(0.99, 3), point(0.5, 0.1), point(0.99, 4)]
    assert best_points(points) == [3, 0, 2]
    assert best_points([]) == []


def test_a_comparison_is_measured_and_read_back(workspace: Workspace) -> None:
    embeddings = embedded_set(workspace, 1500)
    config = SweepConfig(kinds="flat,hnsw,ivf", factories="IVF8,SQ4;PCA8,Flat")
    made = finish(sweep(workspace, embeddings.id, config))
    opened = open_sweep(workspace, made.id)

    factories = {found.factory for found in opened.points}
    assert factories == {
        "Flat", "HNSW16,Flat", "HNSW32,Flat", "IVF38,Flat", "IVF8,SQ4", "PCA8,Flat"
    }  # fmt: skip
    by_name = {found.name: found for found in opened.points}
    assert by_name["Flat"].recall == 1.0
    assert by_name["IVF38,Flat · nprobe 1"].recall < by_name["IVF38,Flat · nprobe 8"].recall
    assert by_name["IVF38,Flat · nprobe 8"].config.nprobe == 8
    assert by_name["PCA8,Flat"].size_bytes < by_name["Flat"].size_bytes
    assert made.summary["num_points"] == len(opened.points)
    assert made.summary["num_queries"] == 500
    assert opened.points[0].measured.recall[100] == 1.0


def test_a_kind_for_which_there_are_too_few_images_is_left_out_and_said(
    workspace: Workspace,
) -> None:
    embeddings = embedded_set(workspace, 100)
    made = finish(sweep(workspace, embeddings.id, SweepConfig(kinds="flat,ivf_pq")))
    assert "at least 256 images" in made.summary["skipped"]["IVF_PQ"]
    assert [found.name for found in open_sweep(workspace, made.id).points] == ["Flat"]
    with pytest.raises(WorkbenchError, match="None of these indexes can be built"):
        finish(sweep(workspace, embeddings.id, SweepConfig(kinds="ivf_pq")))


def test_a_stop_keeps_what_was_measured_so_far(workspace: Workspace) -> None:
    embeddings = embedded_set(workspace, 1500)
    work = sweep(workspace, embeddings.id, SweepConfig(kinds="flat,hnsw"))
    event = next(work)
    while not (isinstance(event, Progress) and "recall 1.000 in" in event.note):
        event = next(work)
    with pytest.raises(StopIteration) as end:
        work.throw(Stop())
    assert end.value.value.summary["num_points"] == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kinds": "tree"}, "kind must be one of flat, hnsw, ivf"),
        ({"kinds": " "}, "name at least one"),
        ({"num_queries": 10}, "num_queries must be in 200..10000"),
        ({"factories": "IVF0,Flat"}, "numbers in factory"),
    ],
)
def test_a_comparison_that_makes_no_sense_cannot_be_chosen(
    wrong: dict[str, object], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        SweepConfig(**wrong)  # type: ignore[arg-type]


def kinds_proposed(count: int, **asked: float) -> list[str]:
    config = RecommendConfig(**asked)  # type: ignore[arg-type]
    return [
        proposal.config.factory or str(proposal.config.kind)
        for proposal in proposals(count, 128, config)
    ]


def test_what_is_proposed_goes_by_the_number_of_images() -> None:
    assert kinds_proposed(9000)[0] == "flat"  # 4.6 MB are compared in half a millisecond
    assert kinds_proposed(1_000_000)[:2] == ["hnsw", "ivf"]
    assert kinds_proposed(9000, recall=1.0) == ["flat"]


def test_what_is_proposed_fits_the_memory() -> None:
    # A million times 128 dimensions: 512 MB whole, 128 MB in bytes, 64 MB in codes of half of them
    assert kinds_proposed(1_000_000, memory_mb=530)[0] == "ivf"
    assert kinds_proposed(1_000_000, memory_mb=140) == ["IVF4000,SQ8", "ivf_pq", "ivf_pq", "ivf_pq"]
    assert kinds_proposed(1_000_000, memory_mb=30) == ["ivf_pq"]
    with pytest.raises(WorkbenchError, match="fits into 10 MB: the smallest takes about 24.0 MB"):
        kinds_proposed(1_000_000, memory_mb=10)


def test_the_advisor_keeps_an_easy_budget_and_saves_the_index(workspace: Workspace) -> None:
    embeddings = embedded_set(workspace, 1000)
    config = RecommendConfig(recall=0.9, latency_ms=1000)
    made = finish(recommend(workspace, embeddings.id, config))

    recommendation = made.summary["recommendation"]
    assert recommendation["is_met"] is True
    assert recommendation["index"] == "Flat"
    assert recommendation["candidates"][0]["recall_at_10"] == 1.0
    assert recommendation["num_queries"] == 250  # The other half is not tuned by
    assert made.config["kind"] == "flat"
    assert open_index(workspace, made.id).store.count == 1000


def test_the_advisor_tunes_until_recall_holds(workspace: Workspace) -> None:
    embeddings = embedded_set(workspace, 2000)
    config = RecommendConfig(
        recall=0.7, latency_ms=1000, memory_mb=0.08
    )  # 128 kB as they are, 32 kB in bytes
    made = finish(recommend(workspace, embeddings.id, config))
    recommendation = made.summary["recommendation"]
    assert recommendation["is_met"] is True
    assert made.config["factory"].endswith("SQ8")
    assert recommendation["candidates"][-1]["recall_at_10"] >= 0.7
    assert made.summary["size_bytes"] < 80_000


def test_a_budget_that_cannot_be_kept_is_said_to_be_missed(workspace: Workspace) -> None:
    embeddings = embedded_set(workspace, 1000)
    config = RecommendConfig(recall=0.99, latency_ms=0.001)
    made = finish(recommend(workspace, embeddings.id, config))
    recommendation = made.summary["recommendation"]
    assert recommendation["is_met"] is False
    assert len(recommendation["candidates"]) > 3
    shortfalls = recommendation["candidates"][0]["shortfalls"]
    assert any("ms instead of 0.001 ms" in shortfall for shortfall in shortfalls)
    json.dumps(made.summary)


@pytest.mark.parametrize(
    "wrong", [{"recall": 0.2}, {"latency_ms": 0.0}, {"memory_mb": -1.0}, {"num_queries": 3}]
)
def test_a_budget_out_of_range_cannot_be_chosen(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be in"):
        RecommendConfig(**wrong)  # type: ignore[arg-type]


def test_parts_add_up_and_stops_reach_them() -> None:
    stopped = []

    def work() -> Work[str]:
        try:
            yield Progress(1, 2, "half")
            yield Measurement("epoch", {})
        except Stop:
            stopped.append(True)
            return "partial"
        return "whole"

    events = list(run_part(work(), 1, 4, "second"))
    assert events[0] == Progress(1500, 4000, "second: half")
    assert isinstance(events[1], Measurement)
    assert finish(run_part(work(), 0, 1, "only")) == "whole"
    part = run_part(work(), 0, 1, "only")
    next(part)
    with pytest.raises(StopIteration) as end:
        part.throw(Stop())
    assert (end.value.value, stopped) == ("partial", [True])


def test_configs_differ_only_in_effort(workspace: Workspace) -> None:
    embeddings = embedded_set(workspace, 500)
    made = finish(sweep(workspace, embeddings.id, SweepConfig(kinds="hnsw")))
    points = open_sweep(workspace, made.id).points
    efforts = [found.config.ef_search for found in points if found.config.m == 16]
    assert efforts == sorted(set(efforts))
    assert len({replace(found.config, ef_search=1) for found in points}) == 2
