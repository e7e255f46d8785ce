"""The verb that imports a bundle. faiss and torch are imported when it runs."""

import argparse

from core.commands.command import STARTING, Command, Lane, Result, artifact_facts, option
from core.commands.shared_options import REMOVE, path_option
from core.progress import Work
from core.workspace import Workspace


def _import_bundle(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    yield STARTING
    from core.bundles.importing import import_bundle

    manifest = yield from import_bundle(workspace, options.path, options.name)
    if options.remove:
        options.path.unlink(missing_ok=True)
    return artifact_facts(manifest)


IMPORT_BUNDLE = Command(
    name="import-bundle",
    help="Import a bundle: its dataset, model, embeddings and index",
    options=(
        path_option("FILE", "An index exported as a bundle."),
        option("--name", "Name of the new dataset.", required=True),
        REMOVE,
    ),
    run=_import_bundle,
    makes="index",
    lane=Lane.FILES,
    title="Importing the bundle {name}",
    old_names=("open-bundle",),
)
COMMANDS = (IMPORT_BUNDLE,)
