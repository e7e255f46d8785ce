"""The verbs that look again at a dataset, add to it, check it, and take out of it."""

import argparse
from dataclasses import asdict
from pathlib import Path

from core.commands.command import Command, Result
from core.commands.dataset_facts import dataset_facts, describe_dataset
from core.commands.image_options import add_image_options, read_image_options
from core.datasets.export.listing import Format
from core.datasets.filters import ImageStatus, Order
from core.datasets.registry import open_dataset
from core.progress import Work
from core.workspace import Workspace


def _configure_rescan(parser: argparse.ArgumentParser) -> None:
    _configure_dataset(parser)
    parser.add_argument("--verify-all", action="store_true", help="hash every file anew")


def _configure_dataset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dataset", required=True, help="name of the dataset")


def _run_rescan(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    from core.datasets.importing.rescan import rescan

    found = yield from rescan(workspace, options.dataset, verify_all=options.verify_all)
    return dataset_facts(open_dataset(workspace, options.dataset)) | asdict(found)


def _configure_add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, metavar="PATH", help="a folder of more images")
    _configure_dataset(parser)


def _run_add(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    from core.datasets.importing.roots import add_root

    found = yield from add_root(workspace, options.dataset, options.path)
    return dataset_facts(open_dataset(workspace, options.dataset)) | asdict(found)


def _configure_relink(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, metavar="PATH", help="where the folder is now")
    parser.add_argument("--root", type=int, default=0, help="which folder, counted from 0")
    _configure_dataset(parser)


def _run_relink(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    from core.datasets.importing.roots import relink

    found = yield from relink(workspace, options.dataset, options.root, options.path)
    return dataset_facts(open_dataset(workspace, options.dataset)) | asdict(found)


def _run_check(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    from core.datasets.verification import check_images

    num_checked = yield from check_images(open_dataset(workspace, options.dataset))
    dataset = open_dataset(workspace, options.dataset)
    return dataset_facts(dataset) | {"num_checked": num_checked}


def _configure_export(parser: argparse.ArgumentParser) -> None:
    _configure_dataset(parser)
    parser.add_argument("--format", choices=list(Format), required=True, help="what is made")
    add_image_options(parser)
    parser.add_argument(
        "--show", choices=list(ImageStatus), default=ImageStatus.USABLE, help="which take part"
    )
    parser.add_argument("--sort", choices=list(Order), default=Order.ADDED, help="order of rows")


def _run_export(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    from core.datasets.export.run import Wanted, export_images

    images = read_image_options(options).having(status=ImageStatus(options.show))
    wanted = Wanted(format=Format(options.format), images=images, order=Order(options.sort))
    dataset = open_dataset(workspace, options.dataset)
    export = yield from export_images(workspace, dataset, wanted)
    return asdict(export) | {"path": str(export.path)}


def _describe_export(result: Result) -> str:
    left_out = f", {result['num_left_out']} left out" if result["num_left_out"] else ""
    return f"{result['num_images']} images exported{left_out}: {result['path']}"


RESCAN = Command(
    "look again at a dataset's folder", _configure_rescan, _run_rescan, describe_dataset
)
ADD = Command("add a folder to a dataset", _configure_add, _run_add, describe_dataset)
RELINK = Command(
    "say where a dataset's folder has moved", _configure_relink, _run_relink, describe_dataset
)
CHECK = Command(
    "decode each image once: thumbnails, look-alikes, truncated files",
    _configure_dataset,
    _run_check,
    describe_dataset,
)
EXPORT = Command(
    "take images out of a dataset, or a table of them",
    _configure_export,
    _run_export,
    _describe_export,
)
