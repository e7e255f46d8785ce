"""The verbs that make artifacts: train, embed, index, map.

torch, faiss and umap are imported when a verb runs, so that the command line answers at once.
"""

import argparse
import os
from dataclasses import asdict

from core.commands.command import STARTING, Command, Result, artifact_facts, describe_artifact
from core.commands.image_options import add_image_options, read_image_options
from core.commands.source import check_source, configure_source, embedded
from core.embeddings.config import EmbedConfig
from core.errors import WorkbenchError
from core.evaluation.config import EvaluateConfig
from core.indexes.config import IndexConfig
from core.models.pretrained import NO_WEIGHTS
from core.options import add_options, read_options
from core.progress import Work
from core.training.config import TrainConfig
from core.training.presets import CLASSIC, PRESETS, SCRATCH_QUICK, find_preset
from core.workspace import Workspace


def _configure_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run-id", help="what to call the run; else as its dataset and backbone")
    parser.add_argument(
        "--preset",
        choices=PRESETS,
        help="settings that go well together; others given here replace them",
    )
    _configure_devices(parser)
    add_options(parser, TrainConfig)


def _train_config(options: argparse.Namespace) -> TrainConfig:
    """Return the preset that was asked for, or that fits the weights, with what else was given."""
    from_nothing = getattr(options, "weights", None) == NO_WEIGHTS
    preset = options.preset or (SCRATCH_QUICK if from_nothing else CLASSIC)
    return read_options(options, TrainConfig, **find_preset(preset).settings)


def _configure_devices(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--devices",
        type=int,
        default=1,
        help="processes that train together, one a graphics card; started by torchrun",
    )


def _check_devices(devices: int) -> None:
    """Raise `ValueError` unless as many processes were started as are to train together."""
    started = int(os.environ.get("WORLD_SIZE", "1"))
    if devices != started:
        raise ValueError(
            f"{devices} devices need torchrun --standalone --nproc-per-node {devices} -m core …; "
            f"{started} process{'es' if started > 1 else ''} started"
        )


def _run_train(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    config = _train_config(options)
    _check_devices(options.devices)
    yield STARTING
    from core.training.train import train

    manifest = yield from train(workspace, config, options.run_id)
    return artifact_facts(manifest)


def _run_estimate(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    config = _train_config(options)
    yield STARTING
    from core.training.estimate import estimate

    return asdict((yield from estimate(workspace, config)))


def _describe_estimate(result: Result) -> str:
    return (
        f"About {result['seconds'] / 60:.1f} min on this machine, "
        f"{result['needs']['cache_bytes'] / 1e9:.2f} GB on the disk, "
        f"{result['needs']['num_trainable']:,} parameters that train."
    )


def _configure_resume(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run-id", required=True, help="id of a run that was paused or cut off")
    _configure_devices(parser)


def _run_resume(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    _check_devices(options.devices)
    yield STARTING
    from core.training.train import resume

    manifest = yield from resume(workspace, options.run_id)
    return artifact_facts(manifest)


def _configure_embed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dataset", required=True, help="name of the dataset")
    parser.add_argument("--model", required=True, help="id of the model")
    add_options(parser, EmbedConfig)
    add_image_options(parser)


def _run_embed(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    config, images = read_options(options, EmbedConfig), read_image_options(options)
    yield STARTING
    from core.embeddings.files import embed_dataset

    manifest = yield from embed_dataset(workspace, options.dataset, options.model, config, images)
    return artifact_facts(manifest)


def _configure_index(parser: argparse.ArgumentParser) -> None:
    configure_source(parser)
    parser.add_argument(
        "--evaluate", action="store_true", help="then measure how well test images retrieve"
    )
    add_options(parser, IndexConfig)


def _run_index(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    config = read_options(options, IndexConfig)
    check_source(options)
    yield STARTING
    from core.indexes.files import build_index

    embeddings = yield from embedded(workspace, options)
    manifest = yield from build_index(workspace, embeddings, config)
    result = artifact_facts(manifest)
    if options.evaluate:
        result |= yield from _evaluated(workspace, manifest.id)
    return result


def _evaluated(workspace: Workspace, index: str) -> Work[Result]:
    """Measure the retrieval of an index; that it cannot be measured does not undo the index."""
    from core.evaluation.evaluate import evaluate

    try:
        return {"evaluation": (yield from evaluate(workspace, EvaluateConfig(index=index))).id}
    except WorkbenchError as error:
        return {"evaluation_problem": str(error)}


def _configure_update(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--index", required=True, help="id of the index")


def _run_update(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    yield STARTING
    from core.indexes.update import update_index

    return artifact_facts((yield from update_index(workspace, options.index)))


def _describe_update(result: Result) -> str:
    words = f"{result['id']}: {result['num_added']} added, {result['num_removed']} taken out."
    return (
        f"{words} Building it anew would pay: {result['retrain']}." if result["retrain"] else words
    )


TRAIN = Command("train a model", _configure_train, _run_train, describe_artifact)
ESTIMATE = Command(
    "say how long a training would take", _configure_train, _run_estimate, _describe_estimate
)
RESUME = Command("go on with a training", _configure_resume, _run_resume, describe_artifact)
EMBED = Command("embed a dataset", _configure_embed, _run_embed, describe_artifact)
INDEX = Command("build an index", _configure_index, _run_index, describe_artifact)
UPDATE = Command(
    "bring an index up to its dataset", _configure_update, _run_update, _describe_update
)
