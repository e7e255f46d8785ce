"""Verbs that compute embedding maps."""

import argparse

from core.commands.command import STARTING, Command, Result, artifact_facts, option
from core.maps.config import MapConfig
from core.options import read_options
from core.progress import Work
from core.workspace import Workspace


def _map(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    config = read_options(options, MapConfig)
    yield STARTING
    from core.maps.files import build_map

    return artifact_facts((yield from build_map(workspace, config)))


def _map_epochs(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    yield STARTING
    from core.maps.epochs import build_epoch_maps

    maps = yield from build_epoch_maps(workspace, options.run)
    num_epochs, num_images, _ = maps.points.shape
    return {"run": options.run, "num_epochs": num_epochs, "num_images": num_images}


def _describe_map_epochs(result: Result) -> str:
    return f"{result['run']}: {result['num_epochs']} epochs of {result['num_images']} images"


MAP = Command(
    name="map",
    help="Compute a map of an index",
    configs=(MapConfig,),
    run=_map,
    makes="map",
    title="Mapping {index} by {method}",
    old_options={"--neighbours": "--neighbors"},
)
MAP_EPOCHS = Command(
    name="map-epochs",
    help="Compute a map for each epoch of a training run",
    options=(option("--run", "Id of the training run.", required=True),),
    run=_map_epochs,
    describe=_describe_map_epochs,
    title="Mapping the epochs of {run}",
)
COMMANDS = (MAP, MAP_EPOCHS)
