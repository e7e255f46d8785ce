"""The verbs of the finders: find, list-found. faiss and scikit-learn are imported when they run."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from core.commands.command import STARTING, Command, Result, artifact_facts, describe_artifact
from core.errors import MissingError, WorkbenchError
from core.files import write_atomically
from core.options import add_options, read_options
from core.progress import Work
from core.quality.config import THRESHOLD, AnalysisConfig, Check
from core.workspace import Workspace

if TYPE_CHECKING:
    from core.quality.analysis import Analysis


def _configure_find(parser: argparse.ArgumentParser) -> None:
    add_options(parser, AnalysisConfig)


def _run_find(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    config = read_options(options, AnalysisConfig)
    yield STARTING
    from core.quality.analysis import find

    return artifact_facts((yield from find(workspace, config)))


def _configure_list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--index", required=True, help="id of an index that `find` has looked at")
    parser.add_argument(
        "--check", type=Check, choices=list(Check), required=True, help="which check is written"
    )
    parser.add_argument("--output", type=Path, required=True, help="the CSV file to write")
    parser.add_argument(
        "--threshold",
        type=float,
        help="near_duplicates and leakage: min. cosine similarity, 0.5 to 1",
    )


def _run_list(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    if not options.output.parent.is_dir():
        raise WorkbenchError(
            f"There is no folder {options.output.parent}.", "Make it, or write somewhere else."
        )
    yield STARTING
    from core.lineage.graph import read_lineage
    from core.quality.analysis import open_analysis

    lineage = read_lineage(workspace)
    index = lineage.index(options.index)
    found = lineage.analysis_of(index) if index else None
    if found is None:
        raise MissingError(
            f"Nothing was found yet in an index “{options.index}”.",
            f"Run python -m core find --index {options.index} first.",
        )
    findings = open_analysis(workspace, found.id)
    table = _table(workspace, findings, options.check, options.threshold)
    write_atomically(options.output, lambda file: file.write(table))
    return {"check": options.check, "path": str(options.output), "size_bytes": len(table)}


def _table(
    workspace: Workspace, findings: "Analysis", check: Check, threshold: float | None
) -> bytes:
    """Return what a finder lists at this moment, as CSV."""
    from core.datasets.registry import open_dataset
    from core.embeddings.files import open_embeddings
    from core.quality import checks, export
    from core.quality.clusters import describe
    from core.quality.labels import read_image_labels

    catalog = open_dataset(workspace, findings.manifest.made_from["dataset"]).catalog
    image_labels = read_image_labels(catalog, findings.image_ids)
    if check in (Check.NEAR_DUPLICATES, Check.LEAKAGE):
        limit = THRESHOLD if threshold is None else threshold
        return export.groups_as_csv(
            catalog, checks.find_groups(check, findings, image_labels, catalog, limit)
        )
    vectors = open_embeddings(workspace, findings.embeddings).vectors
    if check == Check.CLUSTERS:
        clusters = describe(vectors, findings.clusters, image_labels)
        return export.clusters_as_csv(catalog, clusters, findings.image_ids)
    ranking = checks.to_look_at(
        checks.rank(check, findings, vectors, image_labels),
        findings.image_ids,
        image_labels.usable,
        checks.checked(catalog, check),
    )
    return export.ranking_as_csv(catalog, ranking, findings.image_ids, image_labels)


def _describe_list(result: Result) -> str:
    return str(result["path"])


FIND = Command(
    "look for wrong labels, outliers, near-duplicates, leaks and clusters in an index",
    _configure_find,
    _run_find,
    describe_artifact,
)
LIST_FOUND = Command("write what a finder lists as CSV", _configure_list, _run_list, _describe_list)
