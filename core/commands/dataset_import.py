"""Verbs that import a dataset: a folder, a zip, the sample dataset, Caltech-101."""

import argparse
from dataclasses import asdict
from typing import Any

from core.commands.command import Command, Lane, Option, Result, choice, option
from core.commands.shared_options import REMOVE, path_option
from core.datasets.layout import Labels
from core.datasets.registry import Dataset
from core.datasets.splits import SplitConfig
from core.options import read_options
from core.progress import Work
from core.workspace import Workspace

KEEP_BACKGROUND = option(
    "--keep-background", "Keep Caltech-101's BACKGROUND_Google.", action="store_true"
)
LABELS = choice("--labels", "Which folders name the class.", Labels, Labels.AUTO)


def dataset_facts(dataset: Dataset) -> Result:
    """Return the result of a verb that makes or changes a dataset."""
    catalog = dataset.catalog
    return {
        "name": dataset.name,
        "num_images": catalog.count(),
        "num_classes": len(catalog.labels()),
        "num_problems": len(catalog.problems()),
        "left_out": list(dataset.left_out),
    }


def describe_dataset(result: Result) -> str:
    """Return a sentence about a dataset."""
    return (
        f"Dataset {result['name']}: {result['num_images']} images, "
        f"{result['num_classes']} classes, {result['num_problems']} unreadable files."
    )


def _scan(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    from core.datasets.importing.scan import add_folder
    from core.datasets.importing.sources import folder_source

    source = folder_source(
        options.path, keep_background=options.keep_background, labels=Labels(options.labels)
    )
    splits = read_options(options, SplitConfig)
    return dataset_facts((yield from add_folder(workspace, options.name, source, splits)))


def _unzip(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    from core.datasets.importing.sources import add_archive

    dataset, unpacked = yield from add_archive(
        workspace,
        options.name,
        options.path,
        read_options(options, SplitConfig),
        keep_background=options.keep_background,
        labels=Labels(options.labels),
    )
    if options.remove:
        options.path.unlink(missing_ok=True)
    return dataset_facts(dataset) | {
        "num_ignored": unpacked.num_ignored,
        "rejected": [asdict(rejected) for rejected in unpacked.rejected],
    }


def _describe_unzipped(result: Result) -> str:
    rejected = [f"Rejected: {image['path']}. {image['problem']}" for image in result["rejected"]]
    return "\n".join([describe_dataset(result), *rejected])


def _generate(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    from core.datasets.importing.scan import add_sample

    if options.per_class < 1:
        raise ValueError(f"per-class must be at least 1, got {options.per_class}")
    splits = read_options(options, SplitConfig)
    dataset = yield from add_sample(
        workspace, options.name, splits, per_class=options.per_class, seed=options.image_seed
    )
    return dataset_facts(dataset)


def _download(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    from core.datasets.importing.sources import add_caltech101

    splits = read_options(options, SplitConfig)
    dataset = yield from add_caltech101(
        workspace, options.name, splits, keep_background=options.keep_background
    )
    return dataset_facts(dataset)


def _import(name: str, *options: Option, **facts: Any) -> Command:
    """Return a verb that imports a dataset."""
    facts.setdefault("describe", describe_dataset)
    facts.setdefault("title", "Importing {name}")
    return Command(
        name=name,
        configs=(SplitConfig,),
        options=(*options, option("--name", "Name of the new dataset.", required=True)),
        makes="dataset",
        result_key="name",
        adds_images=True,
        lane=Lane.FILES,
        **facts,
    )


SCAN = _import(
    "scan",
    path_option("PATH", "A folder of images."),
    KEEP_BACKGROUND,
    LABELS,
    help="Import a folder of images",
    run=_scan,
)
UNZIP = _import(
    "unzip",
    path_option("ZIP", "A zip of images."),
    KEEP_BACKGROUND,
    LABELS,
    REMOVE,
    help="Import a zip of images",
    run=_unzip,
    describe=_describe_unzipped,
)
GENERATE = _import(
    "generate",
    option("--per-class", "Images per class.", type=int, default=60),
    option("--image-seed", "Seed of the images.", type=int, default=0),
    help="Generate the sample dataset",
    run=_generate,
    title="Generating the sample dataset",
    old_names=("draw",),
    old_options={"--per-category": "--per-class", "--drawing-seed": "--image-seed"},
)
DOWNLOAD = _import(
    "download",
    KEEP_BACKGROUND,
    help="Download and import Caltech-101",
    run=_download,
    title="Downloading Caltech-101",
)
COMMANDS = (SCAN, UNZIP, GENERATE, DOWNLOAD)
