"""The verb that embeds a dataset. torch is imported when it runs."""

import argparse

from core.commands.command import STARTING, Command, Result, artifact_facts
from core.commands.shared_options import DATASET, IMAGE_OPTIONS, MODEL, read_image_options
from core.embeddings.config import EmbedConfig
from core.options import read_options
from core.progress import Work
from core.workspace import Workspace


def _embed(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    config, images = read_options(options, EmbedConfig), read_image_options(options)
    yield STARTING
    from core.embeddings.embed import embed_dataset

    manifest = yield from embed_dataset(workspace, options.dataset, options.model, config, images)
    return artifact_facts(manifest)


EMBED = Command(
    name="embed",
    help="Embed a dataset with a model",
    configs=(EmbedConfig,),
    options=(DATASET, MODEL, *IMAGE_OPTIONS),
    run=_embed,
    makes="embeddings",
    title="Embedding {dataset} with {model}",
)
COMMANDS = (EMBED,)
