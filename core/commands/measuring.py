"""The verbs that measure retrieval: evaluate, baseline.

torch and faiss are imported when a verb runs, so that the command line answers at once.
"""

import argparse

from core.commands.command import STARTING, Command, Result, artifact_facts
from core.evaluation.baseline_config import BaselineConfig
from core.evaluation.config import EvaluateConfig
from core.options import add_options, read_options
from core.progress import Work
from core.workspace import Workspace


def _configure_evaluate(parser: argparse.ArgumentParser) -> None:
    add_options(parser, EvaluateConfig)


def _run_evaluate(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    config = read_options(options, EvaluateConfig)
    yield STARTING
    from core.evaluation.evaluate import evaluate

    return artifact_facts((yield from evaluate(workspace, config)))


def _configure_baseline(parser: argparse.ArgumentParser) -> None:
    add_options(parser, BaselineConfig)


def _run_baseline(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    config = read_options(options, BaselineConfig)
    yield STARTING
    from core.evaluation.baselines import evaluate_baseline

    return artifact_facts((yield from evaluate_baseline(workspace, config)))


def describe_evaluation(result: Result) -> str:
    """Say every mean over queries and over classes, each with its interval, and the counts."""

    def with_interval(name: str) -> str:
        within = result["intervals"].get(name)
        interval = f" [{within[0]:.4f}, {within[1]:.4f}]" if within else ""
        return f"{result[name]:.4f}{interval}"

    asked, to_find = result["num_queries"], result["num_gallery"]
    lines = [f"{result['id']}: {asked:,} queries, {to_find:,} images to find"]
    lines += [
        f"{name:22} {with_interval(name)}   over classes {with_interval(f'{name}_macro')}"
        for name in result
        if f"{name}_macro" in result
    ]
    if "index_recall_at_10" in result:
        lines.append(f"{'index_recall_at_10':22} {result['index_recall_at_10']:.4f}")
    if result["num_skipped"]:
        named = ", ".join(result["skipped_classes"])
        lines.append(f"left out, with nothing to find: {result['num_skipped']} queries of {named}")
    return "\n".join(lines)


EVALUATE = Command("measure retrieval", _configure_evaluate, _run_evaluate, describe_evaluation)
BASELINE = Command(
    "measure what a model is held against", _configure_baseline, _run_baseline, describe_evaluation
)
