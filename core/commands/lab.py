"""The verbs of the index lab: compare indexes, advise one, measure one.

faiss is imported when a verb runs, so that the command line answers at once.
"""

import argparse
from dataclasses import asdict

from core.commands.command import STARTING, Command, Result, artifact_facts
from core.commands.source import check_source, configure_source, embedded
from core.index_benchmark.config import RecommendConfig, SweepConfig
from core.options import add_options, read_options
from core.progress import Work
from core.workspace import Workspace


def _configure_sweep(parser: argparse.ArgumentParser) -> None:
    configure_source(parser)
    add_options(parser, SweepConfig)


def _run_sweep(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    config = read_options(options, SweepConfig)
    check_source(options)
    yield STARTING
    from core.index_benchmark.points import best_points
    from core.index_benchmark.sweep import open_sweep, sweep

    embeddings = yield from embedded(workspace, options)
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
    skipped = [f"left out: {name}: {why}" for name, why in result["skipped"].items()]
    return "\n".join([result["id"], *lines, *skipped])


def _configure_advise(parser: argparse.ArgumentParser) -> None:
    configure_source(parser)
    add_options(parser, RecommendConfig)


def _run_advise(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    config = read_options(options, RecommendConfig)
    check_source(options)
    yield STARTING
    from core.index_benchmark.recommend import recommend

    embeddings = yield from embedded(workspace, options)
    manifest = yield from recommend(workspace, embeddings, config)
    return artifact_facts(manifest)


def _describe_advise(result: Result) -> str:
    advice = result["advice"]
    verdict = "keeps the budget" if advice["kept"] else "comes nearest to the budget"
    lines = [
        f"  {row['name']}: "
        + (
            f"recall@10 {row['recall_at_10']:.4f}, {row['latency_ms']:.3f} ms at p95, "
            f"{row['size_bytes'] / 1e6:.1f} MB "
            if "recall_at_10" in row
            else ""
        )
        + "; ".join(row["shortfalls"])
        for row in advice["tried"]
    ]
    why = f"{advice['chosen']} {verdict}: {advice['why']}."
    return "\n".join([result["id"], why, "Tried:", *lines])


def _configure_measure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--index", required=True, help="id of the index")
    parser.add_argument("--effort", type=int, help="nprobe or efSearch; else as it was built")
    parser.add_argument("--num-queries", type=int, default=500, help="random images to search by")


def _run_measure(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    yield STARTING
    from core.index_benchmark.measure import measure
    from core.index_benchmark.queries import make_benchmark_queries
    from core.indexes.files import open_index

    index = open_index(workspace, options.index)
    benchmark = yield from make_benchmark_queries(workspace, index.embeddings, options.num_queries)
    return asdict((yield from measure(index.store, benchmark, options.effort)))


def _describe_measure(result: Result) -> str:
    recall = ", ".join(f"@{depth} {value:.4f}" for depth, value in result["recall"].items())
    latency = ", ".join(f"p{at} {value:.3f}" for at, value in result["latency_ms"].items())
    lines = [
        f"neighbor recall {recall}",
        f"milliseconds a query {latency}; {result['queries_per_s']:.0f} queries/s in batches",
    ]
    if result["precision"] is not None:
        lines.append(
            f"precision@10 by class {result['precision']:.4f}, "
            f"of exact search {result['exact_precision']:.4f}"
        )
    return "\n".join(lines)


SWEEP = Command("compare indexes", _configure_sweep, _run_sweep, _describe_sweep)
ADVISE = Command(
    "build the index that keeps a budget", _configure_advise, _run_advise, _describe_advise
)
MEASURE = Command("measure an index", _configure_measure, _run_measure, _describe_measure)
