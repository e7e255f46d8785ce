"""Proposals for a budget, and recommended indexes."""

import json

import pytest

from core.errors import WorkbenchError
from core.index_benchmark.config import RecommendConfig
from core.index_benchmark.recommend import proposals, recommend
from core.indexes.files import open_index
from core.progress import finish
from core.workspace import Workspace
from tests.factories.embeddings import embedded_set


def kinds_proposed(count: int, **asked: float) -> list[str]:
    config = RecommendConfig(**asked)  # type: ignore[arg-type]
    return [
        proposal.config.factory or str(proposal.config.kind)
        for proposal in proposals(count, 128, config)
    ]


def test_proposals_depend_on_the_number_of_images() -> None:
    assert kinds_proposed(9000)[0] == "flat"  # 4.6 MB are compared in half a millisecond
    assert kinds_proposed(1_000_000)[:2] == ["hnsw", "ivf"]
    assert kinds_proposed(9000, recall=1.0) == ["flat"]


def test_proposals_fit_the_memory() -> None:
    # A million times 128 dimensions: 512 MB whole, 128 MB in bytes, 64 MB in codes of half of them
    assert kinds_proposed(1_000_000, memory_mb=530)[0] == "ivf"
    assert kinds_proposed(1_000_000, memory_mb=140) == ["IVF4000,SQ8", "ivf_pq", "ivf_pq", "ivf_pq"]
    assert kinds_proposed(1_000_000, memory_mb=30) == ["ivf_pq"]
    with pytest.raises(WorkbenchError, match="fits into 10 MB: the smallest takes about 24.0 MB"):
        kinds_proposed(1_000_000, memory_mb=10)


def test_an_easy_budget_is_met_and_the_index_is_saved(workspace: Workspace) -> None:
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


def test_effort_is_tuned_until_recall_is_met(workspace: Workspace) -> None:
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
    effort = open_index(workspace, made.id).store.effort
    assert effort is not None
    assert effort.value == made.config["nprobe"]  # Searches use what was measured
    assert made.summary["recall_at_10"] >= 0.65


@pytest.mark.slow
def test_an_impossible_budget_is_reported_as_missed(workspace: Workspace) -> None:
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
def test_a_budget_out_of_range_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be in"):
        RecommendConfig(**wrong)  # type: ignore[arg-type]
