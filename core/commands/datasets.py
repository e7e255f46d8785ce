"""The verbs that bring in datasets."""

import argparse
from pathlib import Path

from core.commands.command import Command, Result
from core.datasets.registry import Dataset
from core.datasets.splits import SplitConfig
from core.options import add_options, read_options
from core.progress import Work
from core.workspace import Workspace


def _name_and_splits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", required=True, help="what to call the dataset")
    add_options(parser, SplitConfig)


def _configure_scan(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, metavar="PATH", help="a folder of images")
    parser.add_argument(
        "--keep-background", action="store_true", help="keep Caltech-101's BACKGROUND_Google"
    )
    _name_and_splits(parser)


def _run_scan(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    from core.datasets.bring_in import folder_source
    from core.datasets.scan import add_folder

    source = folder_source(options.path, keep_background=options.keep_background)
    dataset = yield from add_folder(
        workspace, options.name, source, read_options(options, SplitConfig)
    )
    return _dataset_facts(dataset)


def _configure_draw(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--per-category", type=int, default=60, help="images of each category")
    parser.add_argument("--drawing-seed", type=int, default=0, help="fixes every picture")
    _name_and_splits(parser)


def _run_draw(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    from core.datasets.scan import add_drawn

    if options.per_category < 1:
        raise ValueError(f"per-category must be at least 1, got {options.per_category}")
    dataset = yield from add_drawn(
        workspace,
        options.name,
        read_options(options, SplitConfig),
        per_category=options.per_category,
        seed=options.drawing_seed,
    )
    return _dataset_facts(dataset)


def _configure_download(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--keep-background", action="store_true", help="keep BACKGROUND_Google")
    _name_and_splits(parser)


def _run_download(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    from core.datasets.bring_in import add_caltech101

    dataset = yield from add_caltech101(
        workspace,
        options.name,
        read_options(options, SplitConfig),
        keep_background=options.keep_background,
    )
    return _dataset_facts(dataset)


def _configure_rescan(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dataset", required=True, help="name of the dataset")


def _run_rescan(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    from core.datasets.scan import rescan

    dataset = yield from rescan(workspace, options.dataset)
    return _dataset_facts(dataset)


def _dataset_facts(dataset: Dataset) -> Result:
    catalog = dataset.catalog
    return {
        "name": dataset.name,
        "num_images": catalog.count(),
        "num_classes": len(catalog.labels()),
        "num_problems": len(catalog.problems()),
        "left_out": list(dataset.left_out),
    }


def _describe_dataset(result: Result) -> str:
    return (
        f"Dataset {result['name']}: {result['num_images']} images, "
        f"{result['num_classes']} classes, {result['num_problems']} unreadable files."
    )


SCAN = Command("bring in a folder of images", _configure_scan, _run_scan, _describe_dataset)
DRAW = Command("draw the built-in set", _configure_draw, _run_draw, _describe_dataset)
DOWNLOAD = Command("download Caltech-101", _configure_download, _run_download, _describe_dataset)
RESCAN = Command(
    "look again at a dataset's folder", _configure_rescan, _run_rescan, _describe_dataset
)
