"""Verbs for training: train, resume, estimate."""

import argparse
import os
from dataclasses import asdict

from core.commands.command import STARTING, Command, Result, artifact_facts, option
from core.models.pretrained import NO_WEIGHTS
from core.options import given_options
from core.progress import Work
from core.training.config import TrainConfig
from core.training.presets import CLASSIC, PRESETS, SCRATCH_QUICK, fitted
from core.workspace import Workspace

DEVICES = option(
    "--devices",
    "Number of processes, one a graphics card, that train together; started by torchrun.",
    type=int,
    default=1,
)
PRESET = option(
    "--preset", "Training settings to start from; options given here replace them.", choices=PRESETS
)
OLD_OPTIONS = {
    "--trunk-learning-rate": "--backbone-learning-rate",
    "--images-per-class": "--samples-per-class",
    "--metric-weight": "--metric-loss-weight",
    "--clip-norm": "--max-gradient-norm",
}


def train_config(options: argparse.Namespace) -> TrainConfig:
    """Return the settings of the chosen preset, with the other given options on top.

    Without a preset, the one that fits the initial weights is used. Settings that were not given
    fit the backbone.
    """
    from_scratch = getattr(options, "weights", None) == NO_WEIGHTS
    preset = options.preset or (SCRATCH_QUICK if from_scratch else CLASSIC)
    given = given_options(options, TrainConfig)
    return TrainConfig(**fitted({**PRESETS[preset].settings, **given}, chosen=given))


def _check_devices(devices: int) -> None:
    """Raise `ValueError` unless the number of started processes is `devices`."""
    started = int(os.environ.get("WORLD_SIZE", "1"))
    if devices != started:
        raise ValueError(
            f"{devices} devices need torchrun --standalone --nproc-per-node {devices} -m core …; "
            f"{started} process{'es' if started > 1 else ''} started"
        )


def _train(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    config = train_config(options)
    _check_devices(options.devices)
    yield STARTING
    from core.training.train import train

    return artifact_facts((yield from train(workspace, config, options.run_id)))


def _resume(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    _check_devices(options.devices)
    yield STARTING
    from core.training.train import resume

    return artifact_facts((yield from resume(workspace, options.run_id)))


def _estimate(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    config = train_config(options)
    yield STARTING
    from core.training.estimate import estimate

    return asdict((yield from estimate(workspace, config)))


def _describe_estimate(result: Result) -> str:
    return (
        f"About {result['seconds'] / 60:.1f} min on this machine, "
        f"{result['requirements']['cache_bytes'] / 1e9:.2f} GB of disk, "
        f"{result['requirements']['num_trainable']:,} trainable parameters."
    )


TRAIN = Command(
    name="train",
    help="Train a model",
    configs=(TrainConfig,),
    options=(
        option("--run-id", "Id of the run; by default named after dataset and backbone."),
        PRESET,
        DEVICES,
    ),
    run=_train,
    makes="model",
    title="Training {backbone} on {dataset}, {epochs} epochs",
    old_options=OLD_OPTIONS,
)
RESUME = Command(
    name="resume",
    help="Resume a training run",
    options=(
        option("--run-id", "Id of a run that was paused or interrupted.", required=True),
        DEVICES,
    ),
    run=_resume,
    makes="model",
    title="Training {run_id}",
)
ESTIMATE = Command(
    name="estimate",
    help="Estimate how long a training takes",
    configs=(TrainConfig,),
    options=(PRESET,),
    run=_estimate,
    describe=_describe_estimate,
    old_options=OLD_OPTIONS,
)
COMMANDS = (TRAIN, RESUME, ESTIMATE)
