"""Verbs that compare indexes, recommend one for a budget, and benchmark one."""

import argparse
from dataclasses import asdict

from core.commands.command import STARTING, Command, Result, artifact_facts, option
from core.commands.shared_options import INDEX, SOURCE_OPTIONS, check_source, embed_source
from core.embeddings.config import EmbedConfig
from core.embeddings.engine import EngineConfig
from core.index_benchmark.config import RecommendConfig, SweepConfig
from core.options import read_options
from core.progress import Work
from core.workspace import Workspace


def _sweep(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    config = read_options(options, SweepConfig)
    check_source(options)
    yield STARTING
    from core.index_benchmark.points import best_points
    from core.index_benchmark.sweep import open_sweep, sweep

    embeddings = yield from embed_source(workspace, options)
    manifest = yield from sweep(workspace, embeddings, config)
    points = open_sweep(workspace, manifest.id).points
    best = set(best_points(points))
    rows = [
        {
            "name": point.name,
            "recall_at_10": point.recall,
            "latency_ms": point.measured.latency_ms[50],
            "queries_per_s": point.measured.queries_per_s,
            "size_bytes": point.size_bytes,
            "build_s": point.build_s,
            "best": place in best,
        }
        for place, point in enumerate(points)
    ]
    return artifact_facts(manifest) | {"points": rows}


def _describe_sweep(result: Result) -> str:
    lines = [
        f"{'*' if row['best'] else ' '} recall@10 {row['recall_at_10']:.4f}  "
        f"{row['latency_ms']:8.3f} ms  {row['size_bytes'] / 1e6:9.1f} MB  {row['name']}"
        for row in result["points"]
    ]
    skipped = [f"skipped: {name}: {reason}" for name, reason in result["skipped"].items()]
    return "\n".join([result["id"], *lines, *skipped])


def _recommend(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    config = read_options(options, RecommendConfig)
    check_source(options)
    yield STARTING
    from core.index_benchmark.recommend import recommend

    embeddings = yield from embed_source(workspace, options)
    return artifact_facts((yield from recommend(workspace, embeddings, config)))


def _describe_recommend(result: Result) -> str:
    recommendation = result["recommendation"]
    verdict = "meets the budget" if recommendation["is_met"] else "comes closest to the budget"
    lines = [
        f"  {row['name']}: "
        + (
            f"recall@10 {row['recall_at_10']:.4f}, {row['latency_ms']:.3f} ms at p95, "
            f"{row['size_bytes'] / 1e6:.1f} MB "
            if "recall_at_10" in row
            else ""
        )
        + "; ".join(row["shortfalls"])
        for row in recommendation["candidates"]
    ]
    reason = f"{recommendation['index']} {verdict}: {recommendation['reason']}."
    return "\n".join([result["id"], reason, "Candidates:", *lines])


def _benchmark(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    yield STARTING
    from core.index_benchmark.measure import measure
    from core.index_benchmark.queries import make_benchmark_queries
    from core.indexes.files import open_index

    index = open_index(workspace, options.index)
    queries = yield from make_benchmark_queries(workspace, index.embeddings, options.num_queries)
    return asdict((yield from measure(index.store, queries, options.effort)))


def _describe_benchmark(result: Result) -> str:
    recall = ", ".join(f"@{depth} {value:.4f}" for depth, value in result["recall"].items())
    latency = ", ".join(f"p{at} {value:.3f}" for at, value in result["latency_ms"].items())
    lines = [
        f"recall vs. exact search {recall}",
        f"latency in ms {latency}; {result['queries_per_s']:.0f} queries/s in batches",
    ]
    if result["precision"] is not None:
        lines.append(
            f"precision@10 by class {result['precision']:.4f}, "
            f"of exact search {result['exact_precision']:.4f}"
        )
    return "\n".join(lines)


SWEEP = Command(
    name="sweep",
    help="Compare indexes by recall, latency and memory",
    configs=(EmbedConfig, EngineConfig, SweepConfig),
    options=SOURCE_OPTIONS,
    run=_sweep,
    describe=_describe_sweep,
    makes="sweep",
    title="Comparing indexes of {dataset} with {model}",
)
RECOMMEND = Command(
    name="recommend",
    help="Build the index that meets a budget of recall, latency and memory",
    configs=(EmbedConfig, EngineConfig, RecommendConfig),
    options=SOURCE_OPTIONS,
    run=_recommend,
    describe=_describe_recommend,
    makes="index",
    title="Recommending an index for {dataset} with {model}",
    old_names=("advise",),
)
BENCHMARK = Command(
    name="benchmark",
    help="Measure one index: recall vs. exact search, latency, precision",
    options=(
        INDEX,
        option("--effort", "nprobe or efSearch; by default as the index was built.", type=int),
        option("--num-queries", "Number of random images to query.", type=int, default=500),
    ),
    run=_benchmark,
    describe=_describe_benchmark,
    old_names=("measure",),
)
COMMANDS = (SWEEP, RECOMMEND, BENCHMARK)
