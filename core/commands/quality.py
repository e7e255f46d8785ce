"""Verbs that analyze the quality of a dataset and export the issues that were found."""

import argparse
from pathlib import Path

from core.commands.command import STARTING, Command, Result, artifact_facts, choice, option
from core.errors import MissingError, WorkbenchError
from core.files import write_atomically
from core.options import read_options
from core.progress import Work
from core.quality.config import AnalysisConfig, Check
from core.workspace import Workspace


def _analyze(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    config = read_options(options, AnalysisConfig)
    yield STARTING
    from core.quality.analysis import analyze

    return artifact_facts((yield from analyze(workspace, config)))


def _export_issues(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    if not options.output.parent.is_dir():
        raise WorkbenchError(
            f"There is no folder {options.output.parent}.", "Create it, or choose another folder."
        )
    yield STARTING
    from core.lineage.graph import read_lineage
    from core.quality.analysis import open_analysis
    from core.quality.export import export_check

    lineage = read_lineage(workspace)
    index = lineage.index(options.index)
    found = lineage.analysis_of(index) if index else None
    if found is None:
        raise MissingError(
            f"There is no analysis of an index “{options.index}”.",
            f"Run python -m core analyze --index {options.index} first.",
        )
    analysis = open_analysis(workspace, found.id)
    table = export_check(workspace, analysis, Check(options.check), options.threshold)
    write_atomically(options.output, lambda file: file.write(table))
    return {"check": options.check, "path": str(options.output), "size_bytes": len(table)}


ANALYZE = Command(
    name="analyze",
    help="Find label issues, outliers, near-duplicates, leakage and clusters in an index",
    configs=(AnalysisConfig,),
    run=_analyze,
    makes="analysis",
    title="Analyzing {index}",
    old_names=("find",),
    old_options={"--neighbours": "--neighbors", "--least-cluster": "--min-cluster-size"},
)
EXPORT_ISSUES = Command(
    name="export-issues",
    help="Export what a check lists as CSV",
    options=(
        option("--index", "Id of an analyzed index.", required=True),
        choice("--check", "Which check.", Check),
        option("--output", "The CSV file to write.", type=Path, required=True),
        option(
            "--threshold",
            "Min. cosine similarity of near-duplicates and leakage, 0.5 to 1. By default the "
            "median distance to the nearest neighbor sets it.",
            type=float,
        ),
    ),
    run=_export_issues,
    describe=lambda result: str(result["path"]),
    old_names=("list-found",),
    old_options={"--finder": "--check"},
    old_values={
        "--check": {
            "labels": "label_issues",
            "alike": "near_duplicates",
            "leaks": "leakage",
            "typical": "representativeness",
        }
    },
)
COMMANDS = (ANALYZE, EXPORT_ISSUES)
