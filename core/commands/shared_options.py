"""Options that several verbs share: datasets, indexes, which images, which embeddings."""

import argparse
from pathlib import Path

from core.commands.command import Option, option
from core.datasets.catalog import Split
from core.datasets.filters import ALL_IMAGES, NO_SPLIT, ImageFilter, read_range
from core.embeddings.config import DEFAULT_CONFIG, EmbedConfig
from core.options import read_options
from core.progress import Work
from core.workspace import Workspace

DATASET = option("--dataset", "Name of the dataset.", required=True)
MODEL = option("--model", "Id of the model.", required=True)
INDEX = option("--index", "Id of the index.", required=True)
REMOVE = option("--remove", "Delete the imported file afterwards.", action="store_true")


def path_option(metavar: str, explanation: str) -> Option:
    """Return the positional argument that is a file or a folder."""
    return option("path", explanation, type=Path, metavar=metavar)


IMAGE_OPTIONS = (
    *(
        option(
            f"--{name}",
            f"Only images of this {name}; repeat it for several.",
            dest=f"{name}_names",
            action="append",
            default=[],
            choices=choices,
            metavar=name.upper(),
        )
        for name, choices in (("class", None), ("split", [*Split, NO_SPLIT]), ("tag", None))
    ),
    option("--text", "Only images whose path contains this text.", default=""),
    option("--side", "Longest side in pixels.", default="", metavar="LOW-HIGH"),
    option("--aspect", "Width / height.", default="", metavar="LOW-HIGH"),
)
"""Which usable images a verb works on."""

SOURCE_OPTIONS = (
    option("--embeddings", "Id of the embeddings."),
    option("--dataset", "Instead of --embeddings: embed this dataset …"),
    option("--model", "… with this model first, unless it is embedded already."),
    *IMAGE_OPTIONS,
)
"""Which embeddings a verb works on; used together with the fields of `EmbedConfig`."""


def read_image_options(options: argparse.Namespace) -> ImageFilter:
    """Return the filter that `IMAGE_OPTIONS` describe.

    Raises:
        ValueError: A range is malformed.
    """
    side = read_range(options.side)
    return ImageFilter(
        labels=tuple(options.class_names),
        splits=tuple(options.split_names),
        tags=tuple(options.tag_names),
        text=options.text,
        side=side and (int(side[0]), int(side[1])),
        aspect=read_range(options.aspect),
    )


def check_source(options: argparse.Namespace) -> None:
    """Raise `ValueError` unless the options name one source."""
    given = [bool(value) for value in (options.embeddings, options.dataset, options.model)]
    if given not in ([True, False, False], [False, True, True]):
        verb = options.verb
        raise ValueError(f"{verb} needs either --embeddings, or both --dataset and --model")
    if options.embeddings and _embedding_options(options) != (DEFAULT_CONFIG, ALL_IMAGES):
        raise ValueError("embedding options need --dataset and --model instead of --embeddings")


def embed_source(workspace: Workspace, options: argparse.Namespace) -> Work[str]:
    """Return the id of the embeddings that the options name, after making them if necessary."""
    from core.embeddings.files import embed_dataset

    if options.embeddings:
        return str(options.embeddings)
    config, images = _embedding_options(options)
    return (yield from embed_dataset(workspace, options.dataset, options.model, config, images)).id


def _embedding_options(options: argparse.Namespace) -> tuple[EmbedConfig, ImageFilter]:
    return read_options(options, EmbedConfig), read_image_options(options)
