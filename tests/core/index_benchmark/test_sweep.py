"""Sweeps: points, the Pareto front, and what is skipped."""

from dataclasses import replace

import pytest

from core.errors import WorkbenchError
from core.index_benchmark.config import SweepConfig
from core.index_benchmark.points import Measured, Point, best_points
from core.index_benchmark.sweep import open_sweep, sweep
from core.indexes.config import IndexConfig
from core.progress import Progress, Stop, finish
from core.workspace import Workspace
from tests.factories.embeddings import embedded_set


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


def test_the_pareto_front_has_the_points_that_no_other_beats() -> None:
    points = [point(0.9, 1), point(0.8, 2), point(0.99, 3), point(0.5, 0.1), point(0.99, 4)]
    assert best_points(points) == [3, 0, 2]
    assert best_points([]) == []


@pytest.mark.slow
def test_a_sweep_is_measured_and_read_back(workspace: Workspace) -> None:
    embeddings = embedded_set(workspace, 1500)
    config = SweepConfig(kinds="flat,hnsw,ivf", factories="IVF8,SQ4;PCA8,Flat")
    made = finish(sweep(workspace, embeddings.id, config))
    opened = open_sweep(workspace, made.id)

    factories = {found.factory for found in opened.points}
    assert factories == {
        "Flat", "HNSW16,Flat", "HNSW32,Flat", "IVF38,Flat", "IVF8,SQ4", "PCA8,L2norm,Flat"
    }  # fmt: skip
    by_name = {found.name: found for found in opened.points}
    assert by_name["Flat"].recall == 1.0
    assert by_name["IVF38,Flat · nprobe 1"].recall < by_name["IVF38,Flat · nprobe 8"].recall
    assert by_name["IVF38,Flat · nprobe 8"].config.nprobe == 8
    assert by_name["PCA8,L2norm,Flat"].size_bytes < by_name["Flat"].size_bytes
    assert made.summary["num_points"] == len(opened.points)
    assert made.summary["num_queries"] == 500
    assert opened.points[0].measured.recall[100] == 1.0


def test_a_kind_that_needs_more_images_is_skipped_with_the_reason(
    workspace: Workspace,
) -> None:
    embeddings = embedded_set(workspace, 100)
    made = finish(sweep(workspace, embeddings.id, SweepConfig(kinds="flat,ivf_pq")))
    assert "at least 256 images" in made.summary["skipped"]["IVF_PQ"]
    assert [found.name for found in open_sweep(workspace, made.id).points] == ["Flat"]
    with pytest.raises(WorkbenchError, match="None of these indexes can be built"):
        finish(sweep(workspace, embeddings.id, SweepConfig(kinds="ivf_pq")))


def test_a_stop_saves_the_points_so_far(workspace: Workspace) -> None:
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
def test_an_invalid_sweep_is_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SweepConfig(**wrong)  # type: ignore[arg-type]


@pytest.mark.slow
def test_configs_differ_only_in_effort(workspace: Workspace) -> None:
    embeddings = embedded_set(workspace, 500)
    made = finish(sweep(workspace, embeddings.id, SweepConfig(kinds="hnsw")))
    points = open_sweep(workspace, made.id).points
    efforts = [found.config.ef_search for found in points if found.config.m == 16]
    assert efforts == sorted(set(efforts))
    assert len({replace(found.config, ef_search=1) for found in points}) == 2
