"""The verbs of the finders: find, list-found. faiss and scikit-learn are imported when they run."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from core.commands.command import STARTING, Command, Result, artifact_facts, describe_artifact
from core.errors import MissingError, WorkbenchError
from core.files import write_atomically
from core.options import add_options, read_options
from core.progress import Work
from core.quality.config import THRESHOLD, FindConfig, Finder
from core.workspace import Workspace

if TYPE_CHECKING:
    from core.quality.analysis import Findings


def _configure_find(parser: argparse.ArgumentParser) -> None:
    add_options(parser, FindConfig)


def _run_find(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    config = read_options(options, FindConfig)
    yield STARTING
    from core.quality.analysis import find

    return artifact_facts((yield from find(workspace, config)))


def _configure_list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--index", required=True, help="id of an index that `find` has looked at")
    parser.add_argument(
        "--finder", choices=list(Finder), required=True, help="which list is written"
    )
    parser.add_argument("--output", type=Path, required=True, help="the CSV file to write")
    parser.add_argument(
        "--threshold", type=float, help="alike and leaks: cosine similarity from which on, 0.5 to 1"
    )


def _run_list(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    if not options.output.parent.is_dir():
        raise WorkbenchError(
            f"There is no folder {options.output.parent}.", "Make it, or write somewhere else."
        )
    yield STARTING
    from core.lineage.graph import read_lineage
    from core.quality.analysis import open_findings

    lineage = read_lineage(workspace)
    index = lineage.index(options.index)
    found = lineage.finders_of(index) if index else None
    if found is None:
        raise MissingError(
            f"Nothing was found yet in an index “{options.index}”.",
            f"Run python -m core find --index {options.index} first.",
        )
    findings = open_findings(workspace, found.id)
    table = _table(workspace, findings, Finder(options.finder), options.threshold)
    write_atomically(options.output, lambda file: file.write(table))
    return {"finder": options.finder, "path": str(options.output), "size_bytes": len(table)}


def _table(
    workspace: Workspace, findings: "Findings", finder: Finder, threshold: float | None
) -> bytes:
    """Return what a finder lists at this moment, as CSV."""
    from core.datasets.registry import open_dataset
    from core.embeddings.files import open_embeddings
    from core.quality import lists, table
    from core.quality.clusters import describe
    from core.quality.labels import read_labelling

    catalog = open_dataset(workspace, findings.manifest.made_from["dataset"]).catalog
    labelling = read_labelling(catalog, findings.image_ids)
    if finder in (Finder.ALIKE, Finder.LEAKS):
        limit = THRESHOLD if threshold is None else threshold
        return table.groups_as_csv(
            catalog, lists.find_groups(finder, findings, labelling, catalog, limit)
        )
    vectors = open_embeddings(workspace, findings.embeddings).vectors
    if finder == Finder.CLUSTERS:
        clusters = describe(vectors, findings.clusters, labelling)
        return table.clusters_as_csv(catalog, clusters, findings.image_ids)
    ranking = lists.to_look_at(
        lists.rank(finder, findings, vectors, labelling),
        findings.image_ids,
        labelling.usable,
        lists.checked(catalog, finder),
    )
    return table.ranking_as_csv(catalog, ranking, findings.image_ids, labelling)


def _describe_list(result: Result) -> str:
    return str(result["path"])


FIND = Command(
    "look for wrong labels, outliers, near-duplicates, leaks and clusters in an index",
    _configure_find,
    _run_find,
    describe_artifact,
)
LIST_FOUND = Command("write what a finder lists as CSV", _configure_list, _run_list, _describe_list)
