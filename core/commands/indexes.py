"""The verbs that take an index out of the workspace, and bring one in with all that it needs.

torch, faiss and pyarrow are imported when a verb runs: the command line answers at once.
"""

import argparse
from pathlib import Path

from core.commands.command import STARTING, Command, Result, artifact_facts, describe_artifact
from core.indexes.export_format import ExportFormat
from core.progress import Work
from core.workspace import Workspace


def _configure_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--index", required=True, help="id of the index")
    parser.add_argument(
        "--format",
        choices=list(ExportFormat),
        required=True,
        help="the index for FAISS, its embeddings as arrays or as a table, or all that it takes to "
        "search it elsewhere",
    )


def _run_export(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    yield STARTING
    export_format = ExportFormat(options.format)
    if export_format == ExportFormat.BUNDLE:
        from core.bundles.writing import export_bundle

        path = yield from export_bundle(workspace, options.index)
    else:
        from core.indexes.export import export_index

        path = yield from export_index(workspace, options.index, export_format)
    return {
        "index": options.index,
        "format": options.format,
        "path": str(path),
        "size_bytes": path.stat().st_size,
    }


def _describe_export(result: Result) -> str:
    return f"{result['index']} exported, {result['size_bytes'] / 1e6:.1f} MB: {result['path']}"


def _configure_open(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, metavar="FILE", help="an index exported as a bundle")
    parser.add_argument("--name", required=True, help="what to call its dataset")
    parser.add_argument("--remove", action="store_true", help="remove the file afterwards")


def _run_open(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    yield STARTING
    from core.bundles.opening import open_bundle

    manifest = yield from open_bundle(workspace, options.path, options.name)
    if options.remove:
        options.path.unlink(missing_ok=True)
    return artifact_facts(manifest)


EXPORT_INDEX = Command("take an index out", _configure_export, _run_export, _describe_export)
OPEN_BUNDLE = Command(
    "open an index that was taken out as a bundle", _configure_open, _run_open, describe_artifact
)
