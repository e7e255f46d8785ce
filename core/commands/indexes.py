"""Verbs for indexes: build, update, export, and import with all that a search needs."""

import argparse

from core.commands.command import (
    STARTING,
    Command,
    Lane,
    Result,
    artifact_facts,
    choice,
    export_facts,
    option,
)
from core.commands.shared_options import (
    INDEX,
    REMOVE,
    SOURCE_OPTIONS,
    check_source,
    embed_source,
    path_option,
)
from core.embeddings.config import EmbedConfig
from core.embeddings.engine import EngineConfig
from core.errors import UpToDateError, WorkbenchError
from core.evaluation.config import EvaluateConfig
from core.indexes.config import IndexConfig
from core.indexes.info import ExportFormat
from core.options import read_options
from core.progress import Work
from core.workspace import Workspace


def _index(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    config = read_options(options, IndexConfig)
    check_source(options)
    yield STARTING
    from core.indexes.files import build_index

    embeddings = yield from embed_source(workspace, options)
    manifest = yield from build_index(workspace, embeddings, config)
    result = artifact_facts(manifest)
    if options.evaluate:
        result |= yield from _evaluate(workspace, manifest.id)
    return result


def _evaluate(workspace: Workspace, index: str) -> Work[Result]:
    """Evaluate an index; the index stays if that fails."""
    from core.evaluation.evaluate import evaluate

    try:
        return {"evaluation": (yield from evaluate(workspace, EvaluateConfig(index=index))).id}
    except WorkbenchError as error:
        return {"evaluation_problem": str(error)}


def _update(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    yield STARTING
    from core.indexes.update import update_index

    try:
        return artifact_facts((yield from update_index(workspace, options.index)))
    except UpToDateError:
        return {"id": options.index, "num_added": 0, "num_removed": 0, "retrain": ""}


def _describe_update(result: Result) -> str:
    if not result["num_added"] and not result["num_removed"]:
        return f"{result['id']} has all images of its dataset already."
    text = f"{result['id']}: {result['num_added']} added, {result['num_removed']} removed."
    return f"{text} Consider a rebuild: {result['retrain']}." if result["retrain"] else text


def _export(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    yield STARTING
    export_format = ExportFormat(options.format)
    if export_format == ExportFormat.BUNDLE:
        from core.bundles.export import export_bundle

        path = yield from export_bundle(workspace, options.index)
    else:
        from core.indexes.export import export_index

        path = yield from export_index(workspace, options.index, export_format)
    return export_facts(path, index=options.index, format=options.format)


def _describe_export(result: Result) -> str:
    return f"{result['index']} exported, {result['size_bytes'] / 1e6:.1f} MB: {result['path']}"


def _import_bundle(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    yield STARTING
    from core.bundles.importing import import_bundle

    manifest = yield from import_bundle(workspace, options.path, options.name)
    if options.remove:
        options.path.unlink(missing_ok=True)
    return artifact_facts(manifest)


BUILD_INDEX = Command(
    name="index",
    help="Build an index",
    configs=(EmbedConfig, EngineConfig, IndexConfig),
    options=(
        *SOURCE_OPTIONS,
        option("--evaluate", "Then evaluate the index on the test images.", action="store_true"),
    ),
    run=_index,
    makes="index",
    title="Indexing {dataset} with {model}",
    old_options={"--lists": "--nlist", "--links": "--m"},
)
UPDATE_INDEX = Command(
    name="update-index",
    help="Add and remove images of an index, so that it matches its dataset",
    options=(INDEX,),
    run=_update,
    describe=_describe_update,
    makes="index",
    title="Updating {index}",
)
EXPORT_INDEX = Command(
    name="export-index",
    help="Export an index or its embeddings",
    options=(
        INDEX,
        choice(
            "--format",
            "The FAISS index, its embeddings as arrays or as a table, or a bundle with all that a "
            "search on another machine needs.",
            ExportFormat,
        ),
    ),
    run=_export,
    describe=_describe_export,
    lane=Lane.FILES,
    title="Exporting {index} ({format})",
)
IMPORT_BUNDLE = Command(
    name="import-bundle",
    help="Import a bundle: its dataset, model, embeddings and index",
    options=(
        path_option("FILE", "An index exported as a bundle."),
        option("--name", "Name of the new dataset.", required=True),
        REMOVE,
    ),
    run=_import_bundle,
    makes="index",
    lane=Lane.FILES,
    title="Importing the bundle {name}",
    old_names=("open-bundle",),
)
COMMANDS = (BUILD_INDEX, UPDATE_INDEX, EXPORT_INDEX, IMPORT_BUNDLE)
