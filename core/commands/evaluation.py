"""Verbs that measure retrieval quality."""

import argparse

from core.commands.command import STARTING, Command, Result, artifact_facts
from core.evaluation.config import BaselineConfig, EvaluateConfig
from core.options import read_options
from core.progress import Work
from core.workspace import Workspace


def _evaluate(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    config = read_options(options, EvaluateConfig)
    yield STARTING
    from core.evaluation.evaluate import evaluate

    return artifact_facts((yield from evaluate(workspace, config)))


def _baseline(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    config = read_options(options, BaselineConfig)
    yield STARTING
    from core.evaluation.baselines import evaluate_baseline

    return artifact_facts((yield from evaluate_baseline(workspace, config)))


def describe_evaluation(result: Result) -> str:
    """Return the counts, and each measure as micro and macro average with its interval."""

    def with_interval(name: str) -> str:
        limits = result["intervals"].get(name)
        interval = f" [{limits[0]:.4f}, {limits[1]:.4f}]" if limits else ""
        return f"{result[name]:.4f}{interval}"

    counts = f"{result['num_queries']:,} queries, gallery of {result['num_gallery']:,} images"
    lines = [f"{result['id']}: {counts}"]
    lines += [
        f"{name:22} {with_interval(name)}   macro {with_interval(f'{name}_macro')}"
        for name in result
        if f"{name}_macro" in result
    ]
    if "index_recall_at_10" in result:
        lines.append(f"{'index_recall_at_10':22} {result['index_recall_at_10']:.4f}")
    if result["num_skipped"]:
        classes = ", ".join(result["skipped_classes"])
        lines.append(f"skipped, none relevant: {result['num_skipped']} queries of {classes}")
    return "\n".join(lines)


EVALUATE = Command(
    name="evaluate",
    help="Measure the retrieval quality of an index or of embeddings",
    configs=(EvaluateConfig,),
    run=_evaluate,
    describe=describe_evaluation,
    makes="evaluation",
    title="Evaluating {index}{embeddings}",
)
BASELINE = Command(
    name="baseline",
    help="Measure the retrieval quality of a baseline",
    configs=(BaselineConfig,),
    run=_baseline,
    describe=describe_evaluation,
    # makes nothing that is selected: the Evaluate page keeps showing what it is compared with
    title="Evaluating the baseline {baseline} on {dataset}",
    old_values={"--baseline": {"colour": "color", "trunk": "backbone"}},
)
COMMANDS = (EVALUATE, BASELINE)
