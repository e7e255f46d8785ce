"""Options that several verbs share: datasets, indexes, which images, which embeddings."""

import argparse
from pathlib import Path

from core.commands.command import Option, option
from core.datasets.columns import ALL_IMAGES, FILTERS, ImageFilter
from core.datasets.filters import from_texts
from core.embeddings.config import DEFAULT_CONFIG, EmbedConfig
from core.embeddings.engine import LOCAL, EngineConfig
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


def folder_option(explanation: str) -> Option:
    """Return the positional argument that is a folder or an address.

    It stays a text, because a path would lose one slash of an address; see
    `core.net.object_paths.folder_of`.
    """
    return option("path", explanation, metavar="PATH")


FILTER_DEST = "images_"
"""Prefix of the names under which the parser stores image options."""

_FILTER_OPTIONS = {
    name: option(f"--{kind.option}", kind.help, dest=FILTER_DEST + kind.option, **kind.settings)
    for name, kind in FILTERS.items()
}
STATUS_OPTION = _FILTER_OPTIONS.pop("status")
"""For a verb that also takes images that are not usable."""

IMAGE_OPTIONS = tuple(_FILTER_OPTIONS.values())
"""Which usable images a verb works on."""

SOURCE_OPTIONS = (
    option("--embeddings", "Id of the embeddings."),
    option("--dataset", "Instead of --embeddings: embed this dataset …"),
    option("--model", "… with this model first, unless it is embedded already."),
    *IMAGE_OPTIONS,
)
"""Which embeddings a verb works on; used together with the fields of `EmbedConfig` and
`EngineConfig`."""


def read_image_options(options: argparse.Namespace) -> ImageFilter:
    """Return the filter that the image options describe.

    Raises:
        ValueError: A range is malformed.
    """
    given = vars(options)
    return from_texts(
        {kind.option: given.get(FILTER_DEST + kind.option, ()) for kind in FILTERS.values()}
    )


def check_source(options: argparse.Namespace) -> None:
    """Raise `ValueError` unless the options name one source."""
    given = [bool(value) for value in (options.embeddings, options.dataset, options.model)]
    if given not in ([True, False, False], [False, True, True]):
        verb = options.verb
        raise ValueError(f"{verb} needs either --embeddings, or both --dataset and --model")
    chosen = _embedding_options(options)
    if options.embeddings and chosen != (DEFAULT_CONFIG, ALL_IMAGES, LOCAL):
        raise ValueError("embedding options need --dataset and --model instead of --embeddings")


def embed_source(workspace: Workspace, options: argparse.Namespace) -> Work[str]:
    """Return the id of the embeddings that the options name, after making them if necessary."""
    from core.embeddings.embed import embed_dataset

    if options.embeddings:
        return str(options.embeddings)
    chosen = _embedding_options(options)
    return (yield from embed_dataset(workspace, options.dataset, options.model, *chosen)).id


def _embedding_options(
    options: argparse.Namespace,
) -> tuple[EmbedConfig, ImageFilter, EngineConfig]:
    images = read_image_options(options)
    return read_options(options, EmbedConfig), images, read_options(options, EngineConfig)
