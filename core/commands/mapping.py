"""The verbs that lay out maps."""

import argparse

from core.commands.command import STARTING, Command, Result, artifact_facts, describe_artifact
from core.maps.config import MapConfig
from core.options import add_options, read_options
from core.progress import Work
from core.workspace import Workspace


def _configure_map(parser: argparse.ArgumentParser) -> None:
    add_options(parser, MapConfig)


def _run_map(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    config = read_options(options, MapConfig)
    yield STARTING
    from core.maps.files import build_map

    manifest = yield from build_map(workspace, config)
    return artifact_facts(manifest)


def _configure_map_epochs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run", required=True, help="id of the training")


def _run_map_epochs(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    yield STARTING
    from core.maps.epochs import build_epoch_maps

    found = yield from build_epoch_maps(workspace, options.run)
    num_epochs, num_images, _ = found.points.shape
    return {"run": options.run, "num_epochs": num_epochs, "num_images": num_images}


def _describe_map_epochs(result: Result) -> str:
    return f"{result['run']}: {result['num_epochs']} epochs of {result['num_images']} images"


MAP = Command("lay out a map", _configure_map, _run_map, describe_artifact)
MAP_EPOCHS = Command(
    "lay out what a training recorded after each epoch",
    _configure_map_epochs,
    _run_map_epochs,
    _describe_map_epochs,
)
