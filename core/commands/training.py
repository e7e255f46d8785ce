"""Verbs for training: train, resume, estimate."""

import argparse
from dataclasses import asdict
from pathlib import Path

from core.commands.command import STARTING, Command, Result, artifact_facts, option
from core.jobs import processes
from core.jobs.ranks import read_ranks
from core.models.pretrained import NO_WEIGHTS
from core.options import given_options
from core.progress import Work
from core.training.config import TrainConfig
from core.training.launched import run_launched
from core.training.launchers import find_launcher
from core.training.presets import CLASSIC, PRESETS, SCRATCH_QUICK, fitted
from core.training.runs import read_unfinished_run, start_run
from core.workspace import Workspace

DEVICES = option(
    processes.DEVICES,
    "Expected number of processes, one per GPU; torchrun or srun starts them.",
    type=int,
)
LAUNCHERS = (
    option(
        processes.LAUNCHER,
        "Train on other machines by this launcher of the file that WORKBENCH_LAUNCHERS names.",
        metavar="NAME",
    ),
    option(processes.NODES, "Number of nodes for a launcher that takes it.", type=int, default=1),
)
PRESET = option(
    "--preset",
    "Preset to start from; other options override it. By default classic, or scratch_quick with "
    "--weights none.",
    choices=PRESETS,
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


def _check_processes(options: argparse.Namespace) -> None:
    """Raise `ValueError` for another number of processes than was given, or of nodes than 1."""
    started = read_ranks().world_size
    if options.devices not in (None, started):
        raise ValueError(
            f"{options.devices} devices need torchrun --standalone --nproc-per-node "
            f"{options.devices} -m core …; {started} process{'es' if started > 1 else ''} started"
        )
    if options.nodes < 1:
        raise ValueError(f"nodes must be at least 1, got {options.nodes}")


def _train(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    config = train_config(options)
    _check_processes(options)
    yield STARTING
    if options.launcher:
        launcher = find_launcher(options.launcher)
        run = start_run(workspace, config, options.run_id)
        return (yield from run_launched(workspace, run, launcher, options.nodes))
    from core.training.train import train

    return artifact_facts((yield from train(workspace, config, options.run_id)))


def _resume(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    _check_processes(options)
    yield STARTING
    if options.launcher:
        launcher = find_launcher(options.launcher)
        run = read_unfinished_run(workspace, options.run_id)
        return (yield from run_launched(workspace, run, launcher, options.nodes))
    from core.training.train import resume

    is_launched = options.launched is not None
    work = resume(workspace, options.run_id, is_launched=is_launched)
    return artifact_facts((yield from work))


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
        *LAUNCHERS,
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
        *LAUNCHERS,
        option("--launched", argparse.SUPPRESS, type=Path),
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
