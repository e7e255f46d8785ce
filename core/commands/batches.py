"""The verb that answers many queries at once.

torch and faiss are imported when it runs: the command line answers at once.
"""

import argparse
import os
from dataclasses import asdict
from pathlib import Path

from core.commands.command import STARTING, Command, Result
from core.options import add_options, read_options
from core.progress import Work
from core.query.batch.config import BatchConfig
from core.query.batch.sources import check_source
from core.workspace import Workspace


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, metavar="PATH", help="a folder or a zip of images")
    parser.add_argument("--remove", action="store_true", help="delete the zip afterwards")
    add_options(parser, BatchConfig)


def _run(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    config = read_options(options, BatchConfig)
    if options.remove and os.path.isdir(os.path.expanduser(options.path)):
        raise ValueError("--remove goes with a zip: a folder of images is never deleted")
    yield STARTING
    from core.query.batch.run import query_batch

    source = check_source(options.path)
    batch = yield from query_batch(workspace, source, config)
    if options.remove:
        source.unlink(missing_ok=True)
    return asdict(batch) | {"path": str(batch.path)}


def _describe(result: Result) -> str:
    rest = [
        f"{result['num_unreadable']} cannot be read" if result["num_unreadable"] else "",
        "stopped before the rest" if result["stopped"] else "",
    ]
    counted = f"{result['num_searched']} of {result['num_queries']} queries answered"
    return f"{', '.join([counted, *filter(None, rest)])}: {result['path']}"


QUERY_BATCH = Command("search by many images at once", _configure, _run, _describe)
