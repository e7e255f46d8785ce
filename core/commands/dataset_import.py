"""Verbs that import a dataset: a folder, an archive, the sample dataset, Caltech-101."""

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from typing import Any

from core.commands.command import Command, Lane, Option, Result, option
from core.commands.reading_options import (
    DRY_RUN,
    ENCODING,
    KEEP_BACKGROUND,
    READING_OPTIONS,
    describe_preview,
    describe_skipped,
    preview_facts,
    read_reading,
)
from core.commands.shared_options import REMOVE, folder_option, path_option
from core.datasets.columns import ImageFilter, ImageStatus, Split
from core.datasets.importing.rejected import NotImported, read_rejected
from core.datasets.layout import OLD_SPLITS
from core.datasets.registry import Dataset
from core.datasets.splits import SplitConfig
from core.datasets.tally import Rejected
from core.net.object_paths import folder_of
from core.options import read_options
from core.progress import Progress, Work
from core.workspace import Workspace

SAMPLE_PER_CLASS = 60
MAX_LISTED = 20
"""Files of each reason that the result of a verb names; the page lists all of them."""


def dataset_facts(dataset: Dataset) -> Result:
    """Return the result of a verb that makes or changes a dataset."""
    catalog = dataset.catalog
    splits: Counter[str] = Counter()
    num_unlabeled = 0
    for label, split, count in catalog.class_counts(ImageFilter(status=ImageStatus.READABLE)):
        splits[split or ""] += count
        num_unlabeled += 0 if label else count
    skipped = read_rejected(dataset.folder)
    return {
        "name": dataset.name,
        "num_images": catalog.count(),
        "num_classes": len(catalog.labels()),
        "num_problems": len(catalog.problems()),
        "splits": {split: count for split, count in splits.items() if split},
        "num_unlabeled": num_unlabeled,
        "uses": {
            name: str(use)
            for root in dataset.roots
            for name, use in root.layout.splits
            if dict(root.layout.splits) != OLD_SPLITS  # Which need not be there
        },
        "skipped": dict(skipped.counts),
        "skipped_files": [
            [file.path, reason]
            for reason in skipped.counts
            for file in islice(_of_reason(skipped, reason), MAX_LISTED)
        ],
        "left_out": list(dataset.left_out),
        "annotations": [file for root in dataset.roots for file in root.layout.annotations],
        "patterns": [root.layout.pattern for root in dataset.roots if root.layout.pattern],
    }


def _of_reason(skipped: NotImported, reason: str) -> Iterator[Rejected]:
    return (file for file in skipped.files if file.problem == reason)


def describe_totals(result: Result) -> str:
    """Return a sentence about a dataset."""
    return (
        f"Dataset {result['name']}: {result['num_images']} images, "
        f"{result['num_classes']} classes, {result['num_problems']} unreadable files."
    )


def describe_dataset(result: Result) -> str:
    """Return what a dataset has, and what was not imported, as text."""
    splits = [
        f"{result['splits'][split]:,} {split}" for split in Split if split in result["splits"]
    ]
    unlabeled = result["num_unlabeled"]
    splits += [f"{unlabeled:,} unlabeled"] if unlabeled else []
    lines = [f"Images: {', '.join(splits)}."] if splits else []
    folders = [f"{name} → {use}" for name, use in result["uses"].items()]
    lines += [f"Folders: {', '.join(folders)}."] if folders else []
    sources = [*result["annotations"], *result["patterns"]]
    lines += [f"Annotations: {', '.join(sources)}."] if sources else []
    return "\n".join([describe_totals(result), *lines, *describe_skipped(result)])


def _scan(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    from core.datasets.importing.listing import list_folder
    from core.datasets.importing.preview import preview
    from core.datasets.importing.scan import add_folder
    from core.datasets.importing.sources import folder_source

    reading = read_reading(options)
    if options.dry_run:
        yield Progress(0, 0, "looking for images")
        return preview_facts(preview(list_folder(folder_of(options.path), reading), reading))
    splits = read_options(options, SplitConfig)
    source = folder_source(folder_of(options.path), reading)
    return dataset_facts((yield from add_folder(workspace, _name_of(options), source, splits)))


def _unzip(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    from core.datasets.importing.listing import list_archive_file
    from core.datasets.importing.preview import preview
    from core.datasets.importing.sources import add_archive

    reading = read_reading(options)
    if options.dry_run:
        yield Progress(0, 0, "looking into the archive")
        return preview_facts(preview(list_archive_file(options.path, reading), reading))
    splits = read_options(options, SplitConfig)
    name = _name_of(options)
    dataset, unpacked = yield from add_archive(workspace, name, options.path, splits, reading)
    if options.remove:
        options.path.unlink(missing_ok=True)
    rejected = [asdict(rejected) for rejected in unpacked.rejected]
    return dataset_facts(dataset) | {"rejected": rejected}


def _name_of(options: argparse.Namespace) -> str:
    if not options.name:
        raise ValueError("the following arguments are required: --name (unless with --dry-run)")
    return str(options.name)


def _describe(result: Result) -> str:
    return describe_preview(result) if "dry_run" in result else describe_dataset(result)


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
    facts.setdefault("describe", _describe)
    facts.setdefault("title", "Importing {name}")
    is_needed = DRY_RUN not in options
    name_help = "Name of the new dataset" + ("." if is_needed else "; needed without --dry-run.")
    return Command(
        name=name,
        configs=(SplitConfig,),
        options=(*options, option("--name", name_help, required=is_needed)),
        makes="dataset",
        result_key="name",
        adds_images=True,
        lane=Lane.FILES,
        **facts,
    )


SCAN = _import(
    "scan",
    folder_option("A folder of images, or an address: s3://bucket/prefix, https://host/folder/."),
    *READING_OPTIONS,
    DRY_RUN,
    help="Import a folder of images",
    run=_scan,
)
UNZIP = _import(
    "unzip",
    path_option("ARCHIVE", "A zip, tar, tar.gz or tar.bz2 of images."),
    *READING_OPTIONS,
    ENCODING,
    REMOVE,
    DRY_RUN,
    help="Import an archive of images",
    run=_unzip,
)
GENERATE = _import(
    "generate",
    option("--per-class", "Images per class.", type=int, default=SAMPLE_PER_CLASS),
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
