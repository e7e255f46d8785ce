"""Verbs that update, verify and export a dataset."""

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from core.commands.command import Command, Lane, Option, Result, choice, option
from core.commands.dataset_import import dataset_facts, describe_dataset, describe_totals
from core.commands.reading_options import DRY_RUN, READING_OPTIONS, read_reading
from core.commands.shared_options import (
    DATASET,
    IMAGE_OPTIONS,
    STATUS_OPTION,
    folder_option,
    read_image_options,
)
from core.datasets.columns import Order
from core.datasets.export.listing import Format
from core.datasets.registry import open_dataset
from core.net.object_paths import folder_of
from core.progress import Progress, Work
from core.workspace import Workspace

if TYPE_CHECKING:
    from core.datasets.importing.changes import Changes


def _rescan(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    from core.datasets.importing.changes import find_changes
    from core.datasets.importing.scan import rescan

    if options.dry_run:
        yield Progress(0, 0, "looking for images")
        dataset = open_dataset(workspace, options.dataset)
        found = find_changes(dataset, verify_all=options.verify_all)
        return {"dry_run": True, "name": dataset.name} | change_facts(found)
    changes = yield from rescan(workspace, options.dataset, verify_all=options.verify_all)
    return _facts_after(workspace, options) | asdict(changes)


def change_facts(found: "Changes") -> Result:
    """Return what a rescan would change."""
    return {
        "num_new": len(found.new),
        "num_changed": len(found.again),
        "num_missing": len(found.missing),
        "num_relabeled": len(found.relabeled),
        "folders": {name: [str(use), count] for name, (use, count) in found.folders.items()},
    }


def describe_rescan(result: Result) -> str:
    """Return what a rescan has changed or would change, as text."""
    folders = [
        f"New folder {name}: {count:,} images become {use}."
        for name, (use, count) in result.get("folders", {}).items()
    ]
    if "dry_run" not in result:
        return "\n".join([_describe_changes(result), *folders])
    kinds = ("new", "changed", "missing", *(("relabeled",) if result["num_relabeled"] else ()))
    counts = ", ".join(f"{result[f'num_{what}']:,} {what}" for what in kinds)
    return "\n".join([f"Files of {result['name']}: {counts}. Nothing was changed.", *folders])


def _add(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    from core.datasets.importing.roots import add_root

    reading = read_reading(options)
    changes = yield from add_root(workspace, options.dataset, folder_of(options.path), reading)
    return _facts_after(workspace, options) | asdict(changes)


def _relink(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    from core.datasets.importing.roots import relink

    changes = yield from relink(workspace, options.dataset, options.root, folder_of(options.path))
    return _facts_after(workspace, options) | asdict(changes)


def _facts_after(workspace: Workspace, options: argparse.Namespace) -> Result:
    return dataset_facts(open_dataset(workspace, options.dataset))


def _describe_changes(result: Result) -> str:
    kinds = ("new", "changed", "moved", "gone", "relabeled")
    words = {"gone": "missing"}
    found = [
        f"{result[f'num_{kind}']:,} {words.get(kind, kind)}"
        for kind in kinds
        if result[f"num_{kind}"]
    ]
    return f"{describe_dataset(result)} {', '.join(found) or 'No file has changed'}."


def _verify(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    from core.datasets.verification import check_images

    num_verified = yield from check_images(open_dataset(workspace, options.dataset))
    return _facts_after(workspace, options) | {"num_verified": num_verified}


def _describe_verified(result: Result) -> str:
    count = result["num_verified"]
    return f"{describe_totals(result)} " + (
        f"{count} verified." if count else "All were verified before."
    )


def _export(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    from core.datasets.export.run import ExportOptions, export_images

    images = read_image_options(options)
    wanted = ExportOptions(format=Format(options.format), images=images, order=Order(options.sort))
    dataset = open_dataset(workspace, options.dataset)
    export = yield from export_images(workspace, dataset, wanted)
    return asdict(export) | {"path": str(export.path)}


def _describe_export(result: Result) -> str:
    left_out = f", {result['num_left_out']} skipped" if result["num_left_out"] else ""
    return f"{result['num_images']} images exported{left_out}: {result['path']}"


def _change(name: str, *options: Option, **facts: Any) -> Command:
    """Return a verb that works on a dataset."""
    facts.setdefault("describe", describe_dataset)
    return Command(name=name, options=(*options, DATASET), lane=Lane.FILES, **facts)


RESCAN = _change(
    "rescan",
    option(
        "--verify-all", "Also read files whose size and time have not changed.", action="store_true"
    ),
    DRY_RUN,
    help="Update a dataset from its folders",
    run=_rescan,
    describe=describe_rescan,
    adds_images=True,
    title="Rescanning {dataset}",
)
ADD = _change(
    "add",
    folder_option("A folder of more images, or an address."),
    *READING_OPTIONS,
    help="Add a folder to a dataset",
    run=_add,
    describe=_describe_changes,
    adds_images=True,
    title="Adding to {dataset}",
)
RELINK = _change(
    "relink",
    folder_option("Where the folder is now: a path or an address."),
    option("--root", "Which folder of the dataset, counted from 0.", type=int, default=0),
    help="Set where a folder of a dataset has moved to",
    run=_relink,
    describe=_describe_changes,
    adds_images=True,
    title="Relinking {dataset}",
)
VERIFY = _change(
    "verify",
    help="Decode every image once: thumbnails, duplicates, damaged files",
    run=_verify,
    describe=_describe_verified,
    title="Verifying the images of {dataset}",
    old_names=("check",),
)
EXPORT = _change(
    "export",
    choice("--format", "What is made.", Format),
    *IMAGE_OPTIONS,
    STATUS_OPTION,
    choice("--sort", "Order of rows.", Order, Order.ADDED),
    help="Export images of a dataset, or a table of them",
    run=_export,
    describe=_describe_export,
    title="Exporting images of {dataset}",
)
COMMANDS = (RESCAN, ADD, RELINK, VERIFY, EXPORT)
