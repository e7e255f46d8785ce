"""The verbs that make artefacts: train, embed, index, map.

torch, faiss and umap are imported when a verb runs, so that the command line answers at once.
"""

import argparse

from core.commands.command import Command, Result, artifact_facts, describe_artifact
from core.maps.config import MapConfig
from core.options import add_options, read_options
from core.progress import Progress, Work
from core.training.config import NO_WEIGHTS, SCRATCH, TrainConfig
from core.vectors.config import IndexConfig
from core.workspace import Workspace

STARTING = Progress(0, 0, "starting")


def _configure_train(parser: argparse.ArgumentParser) -> None:
    add_options(parser, TrainConfig)


def _run_train(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    recipe = SCRATCH if getattr(options, "weights", None) == NO_WEIGHTS else {}
    config = read_options(options, TrainConfig, **recipe)
    yield STARTING
    from core.training.loop import train

    manifest = yield from train(workspace, config)
    return artifact_facts(manifest)


def _configure_embed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dataset", required=True, help="name of the dataset")
    parser.add_argument("--model", required=True, help="id of the model")


def _run_embed(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    yield STARTING
    from core.vectors.embeddings import embed_dataset

    manifest = yield from embed_dataset(workspace, options.dataset, options.model)
    return artifact_facts(manifest)


def _configure_index(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--embeddings", help="id of the embeddings")
    parser.add_argument("--dataset", help="instead of --embeddings: embed this dataset …")
    parser.add_argument("--model", help="… with this model first, unless that is done")
    add_options(parser, IndexConfig)


def _run_index(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    config = read_options(options, IndexConfig)
    given = [bool(value) for value in (options.embeddings, options.dataset, options.model)]
    if given not in ([True, False, False], [False, True, True]):
        raise ValueError("index needs either --embeddings, or both --dataset and --model")
    yield STARTING
    from core.vectors.embeddings import embed_dataset
    from core.vectors.indexes import build_index

    embeddings = options.embeddings
    if not embeddings:
        embeddings = (yield from embed_dataset(workspace, options.dataset, options.model)).id
    manifest = yield from build_index(workspace, embeddings, config)
    return artifact_facts(manifest)


def _configure_map(parser: argparse.ArgumentParser) -> None:
    add_options(parser, MapConfig)


def _run_map(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    config = read_options(options, MapConfig)
    yield STARTING
    from core.maps.umap import build_map

    manifest = yield from build_map(workspace, config)
    return artifact_facts(manifest)


TRAIN = Command("train a model", _configure_train, _run_train, describe_artifact)
EMBED = Command("embed a dataset", _configure_embed, _run_embed, describe_artifact)
INDEX = Command("build an index", _configure_index, _run_index, describe_artifact)
MAP = Command("lay out a map", _configure_map, _run_map, describe_artifact)
