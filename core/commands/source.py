"""Which embeddings a verb works on: given ones, or those of a dataset by a model, made first."""

import argparse

from core.commands.image_options import add_image_options, read_image_options
from core.datasets.filters import ALL_IMAGES, ImageFilter
from core.embeddings.config import DEFAULT_CONFIG, EmbedConfig
from core.options import add_options, read_options
from core.progress import Work
from core.workspace import Workspace


def configure_source(parser: argparse.ArgumentParser) -> None:
    """Give a verb the options that say what it works on."""
    parser.add_argument("--embeddings", help="id of the embeddings")
    parser.add_argument("--dataset", help="instead of --embeddings: embed this dataset …")
    parser.add_argument("--model", help="… with this model first, unless that is done")
    add_options(parser, EmbedConfig)
    add_image_options(parser)


def check_source(options: argparse.Namespace) -> None:
    """Raise `ValueError` unless the options name one source."""
    given = [bool(value) for value in (options.embeddings, options.dataset, options.model)]
    if given not in ([True, False, False], [False, True, True]):
        verb = options.verb
        raise ValueError(f"{verb} needs either --embeddings, or both --dataset and --model")
    if options.embeddings and _wanted(options) != (DEFAULT_CONFIG, ALL_IMAGES):
        raise ValueError("how to embed which images goes with --dataset and --model")


def embedded(workspace: Workspace, options: argparse.Namespace) -> Work[str]:
    """Return the id of the embeddings, once they are made."""
    from core.embeddings.files import embed_dataset

    if options.embeddings:
        return str(options.embeddings)
    way, images = _wanted(options)
    return (yield from embed_dataset(workspace, options.dataset, options.model, way, images)).id


def _wanted(options: argparse.Namespace) -> tuple[EmbedConfig, ImageFilter]:
    """Return how which images are to be embedded."""
    return read_options(options, EmbedConfig), read_image_options(options)
