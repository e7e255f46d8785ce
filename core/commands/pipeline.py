"""Verbs that run several stages: quickstart, rebuild."""

import argparse
import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from core.commands.command import STARTING, Command, Result, choice, option
from core.commands.dataset_import import SAMPLE_PER_CLASS
from core.commands.reading_options import ENCODING, READING_OPTIONS, read_reading
from core.commands.shared_options import INDEX, REMOVE
from core.datasets.splits import SplitConfig
from core.net.object_paths import folder_of
from core.options import read_options
from core.progress import Work
from core.workspace import Workspace

if TYPE_CHECKING:
    from core.pipeline.stages import Made

IMPORT_SHARE, DOWNLOAD_SHARE = 5, 60
"""Shares of the import in a quick start's progress, without and with a download."""

MEASURES = ("recall_at_1", "recall_at_1_macro", "map_at_10", "map_at_10_macro")


class Source(StrEnum):
    """Source of the images of a quick start."""

    PATH = "path"
    SAMPLE = "sample"
    CALTECH101 = "caltech101"


def _quickstart(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    source = Source(options.source)
    if options.path and source != Source.PATH:
        raise ValueError(f"quickstart needs either PATH or --source {source}")
    splits = read_options(options, SplitConfig)
    yield STARTING
    from core.pipeline.quickstart import quickstart
    from core.pipeline.stages import Stage

    def add(_: "Made") -> Work[None]:
        yield from _add_images(workspace, options, source, splits)

    has_source = options.path or source != Source.PATH
    share = DOWNLOAD_SHARE if source == Source.CALTECH101 else IMPORT_SHARE
    first = (Stage("Importing", share, add),) if has_source else ()
    made = yield from quickstart(workspace, options.name, first)
    return {"name": options.name, **_facts(made)}


def _add_images(
    workspace: Workspace, options: argparse.Namespace, source: Source, splits: SplitConfig
) -> Work[None]:
    """Import the images of a quick start, unless a run before has done that."""
    from core.datasets.importing import sources
    from core.datasets.importing.scan import add_folder, add_sample
    from core.datasets.registry import is_imported_as, is_imported_from

    name, reading = options.name, read_reading(options)
    if source != Source.PATH:
        if is_imported_as(workspace, name, str(source)):
            return
        if source == Source.SAMPLE:
            yield from add_sample(workspace, name, splits, per_class=SAMPLE_PER_CLASS, seed=0)
        else:
            yield from sources.add_caltech101(
                workspace, name, splits, keep_background=reading.keep_background
            )
        return
    path = folder_of(options.path)
    if path.is_file():
        yield from sources.add_archive(workspace, name, path, splits, reading)
        if options.remove:
            path.unlink(missing_ok=True)
    else:
        folder = sources.folder_source(path, reading)
        if not is_imported_from(workspace, name, folder.root):
            yield from add_folder(workspace, name, folder, splits)


def _rebuild(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    yield STARTING
    from core.pipeline.rebuild import rebuild

    before = {kind: set(os.listdir(parent)) for kind, parent in _folders(workspace)}
    made = yield from rebuild(workspace, options.index)
    new = [made[kind].id for kind in made if made[kind].id not in before.get(kind, ())]
    return _facts(made) | {"new": new}


def _folders(workspace: Workspace) -> list[tuple[str, Path]]:
    return [(kind, parent) for kind, parent in workspace.artifacts.items() if parent.is_dir()]


def _describe_rebuilt(result: Result) -> str:
    made = {name: value for name, value in result.items() if name != "new"}
    return _describe(made) if result["new"] else f"Everything is up to date.\n{_describe(made)}"


def _facts(made: "Made") -> Result:
    """Return kind → id of what was made, and the measures of the evaluation."""
    facts: Result = {kind: manifest.id for kind, manifest in made.items()}
    if "evaluation" in made:
        summary = made["evaluation"].summary
        facts |= {name: summary[name] for name in MEASURES if name in summary}
    return facts


def _describe(result: Result) -> str:
    numbers = {name: f"{value:.4f}" for name, value in result.items() if isinstance(value, float)}
    return "\n".join(f"{name:18} {value}" for name, value in (result | numbers).items())


QUICKSTART = Command(
    name="quickstart",
    help="Import images, train a head on the starter backbone, index, evaluate and map them",
    configs=(SplitConfig,),
    options=(
        option(
            "path",
            "A folder, address or archive of images; without it, the dataset is already imported.",
            metavar="PATH",
            nargs="?",
        ),
        choice("--source", "Images to import.", Source, Source.PATH),
        *READING_OPTIONS,
        ENCODING,
        REMOVE,
        option("--name", "Name of the dataset.", required=True),
    ),
    run=_quickstart,
    describe=_describe,
    makes="index",
    result_key="index",
    title="Making {name} searchable",
)
REBUILD = Command(
    name="rebuild",
    help="Rebuild what is stale: model, embeddings, index, evaluation and map",
    options=(INDEX,),
    run=_rebuild,
    describe=_describe_rebuilt,
    makes="index",
    result_key="index",
    title="Rebuilding {index}",
)
COMMANDS = (QUICKSTART, REBUILD)
