"""The verbs that bring in datasets."""

import argparse
from dataclasses import asdict
from pathlib import Path

from core.commands.command import Command, Result
from core.commands.dataset_facts import dataset_facts, describe_dataset
from core.datasets.layout import Labels
from core.datasets.splits import SplitConfig
from core.options import add_options, read_options
from core.progress import Work
from core.workspace import Workspace


def _name_and_splits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", required=True, help="what to call the dataset")
    add_options(parser, SplitConfig)


def _configure_reading(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--keep-background", action="store_true", help="keep Caltech-101's BACKGROUND_Google"
    )
    parser.add_argument(
        "--labels", choices=list(Labels), default=Labels.AUTO, help="which folder names the class"
    )


def _configure_scan(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, metavar="PATH", help="a folder of images")
    _configure_reading(parser)
    _name_and_splits(parser)


def _run_scan(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    from core.datasets.importing.scan import add_folder
    from core.datasets.importing.sources import folder_source

    source = folder_source(
        options.path, keep_background=options.keep_background, labels=Labels(options.labels)
    )
    dataset = yield from add_folder(
        workspace, options.name, source, read_options(options, SplitConfig)
    )
    return dataset_facts(dataset)


def _configure_unzip(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, metavar="ZIP", help="an archive of images")
    _configure_reading(parser)
    parser.add_argument("--remove", action="store_true", help="delete the archive once it is in")
    _name_and_splits(parser)


def _run_unzip(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    from core.datasets.importing.sources import add_archive

    splits = read_options(options, SplitConfig)
    dataset, unpacked = yield from add_archive(
        workspace,
        options.name,
        options.path,
        splits,
        keep_background=options.keep_background,
        labels=Labels(options.labels),
    )
    if options.remove:
        options.path.unlink(missing_ok=True)
    return dataset_facts(dataset) | {
        "num_passed_over": unpacked.num_passed_over,
        "refused": [asdict(rejected) for rejected in unpacked.rejected],
    }


def _configure_draw(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--per-class", type=int, default=60, help="images of each class")
    parser.add_argument("--drawing-seed", type=int, default=0, help="fixes every picture")
    _name_and_splits(parser)


def _run_draw(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    from core.datasets.importing.scan import add_sample

    if options.per_class < 1:
        raise ValueError(f"per-class must be at least 1, got {options.per_class}")
    dataset = yield from add_sample(
        workspace,
        options.name,
        read_options(options, SplitConfig),
        per_class=options.per_class,
        seed=options.drawing_seed,
    )
    return dataset_facts(dataset)


def _configure_download(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--keep-background", action="store_true", help="keep BACKGROUND_Google")
    _name_and_splits(parser)


def _run_download(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    from core.datasets.importing.sources import add_caltech101

    dataset = yield from add_caltech101(
        workspace,
        options.name,
        read_options(options, SplitConfig),
        keep_background=options.keep_background,
    )
    return dataset_facts(dataset)


def _describe_unzipped(result: Result) -> str:
    rejected = [f"Left out: {image['path']}. {image['problem']}" for image in result["refused"]]
    return "\n".join([describe_dataset(result), *rejected])


SCAN = Command("bring in a folder of images", _configure_scan, _run_scan, describe_dataset)
UNZIP = Command("bring in a zip of images", _configure_unzip, _run_unzip, _describe_unzipped)
DRAW = Command("draw the built-in set", _configure_draw, _run_draw, describe_dataset)
DOWNLOAD = Command("download Caltech-101", _configure_download, _run_download, describe_dataset)
