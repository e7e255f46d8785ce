"""Verbs that run several stages: quickstart, rebuild."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from core.commands.command import STARTING, Command, Result, option
from core.commands.dataset_import import KEEP_BACKGROUND, LABELS
from core.commands.shared_options import INDEX
from core.datasets.layout import Labels
from core.datasets.splits import SplitConfig
from core.options import read_options
from core.progress import Work
from core.workspace import Workspace

if TYPE_CHECKING:
    from core.pipeline.stages import Made

MEASURES = ("recall_at_1", "recall_at_1_macro", "map_at_10", "map_at_10_macro")


def _quickstart(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    splits, labels = read_options(options, SplitConfig), Labels(options.labels)
    yield STARTING
    from core.datasets.importing.scan import add_folder
    from core.datasets.importing.sources import folder_source
    from core.datasets.registry import is_imported_from
    from core.pipeline.quickstart import quickstart
    from core.pipeline.stages import Stage

    def add(_: "Made") -> Work[None]:
        source = folder_source(options.path, keep_background=options.keep_background, labels=labels)
        if not is_imported_from(workspace, options.name, source.root):
            yield from add_folder(workspace, options.name, source, splits)

    first = (Stage("Importing", 5, add),) if options.path else ()
    made = yield from quickstart(workspace, options.name, first)
    return {"name": options.name, **_facts(made)}


def _rebuild(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    yield STARTING
    from core.pipeline.rebuild import rebuild

    return _facts((yield from rebuild(workspace, options.index)))


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
            "A folder of images; without it, the dataset is already imported.",
            type=Path,
            metavar="PATH",
            nargs="?",
        ),
        KEEP_BACKGROUND,
        LABELS,
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
    describe=_describe,
    makes="index",
    result_key="index",
    title="Rebuilding {index}",
)
COMMANDS = (QUICKSTART, REBUILD)
