"""Verbs that search by one image or by many."""

import argparse
import os
from dataclasses import asdict
from pathlib import Path

from core.commands.command import STARTING, Command, Result, option
from core.commands.shared_options import IMAGE_OPTIONS, INDEX, path_option, read_image_options
from core.errors import MissingError, WorkbenchError
from core.net.public_fetch import is_url
from core.options import read_options
from core.progress import Work
from core.query import ImageSource, Query, QueryImage, SearchOptions, open_for_search, search
from core.query.batch.config import BatchConfig
from core.query.batch.sources import check_source
from core.query.remote import fetch_query_image
from core.workspace import Workspace


def _query(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    given = [text for text in (options.image, options.url) if text]
    if len(given) != 1:
        raise ValueError("query needs an image, or --url with the address of one")
    query = Query(
        images=(QueryImage(digest=given[0]),),
        options=SearchOptions(
            k=options.k,
            images=read_image_options(options),
            min_similarity=options.min_similarity,
            deduplicate=options.deduplicate,
        ),
    )
    yield STARTING
    source = _source(given[0], is_url=bool(options.url) or is_url(given[0]))
    return search(open_for_search(workspace, options.index), query, [source]).as_json()


def _source(text: str, *, is_url: bool) -> ImageSource:
    """Return the image at a path or a URL."""
    if is_url:
        fetched = fetch_query_image(text)
        return ImageSource(fetched.name, fetched.content, text)
    path = Path(os.path.expanduser(text))
    if path.is_dir():
        raise WorkbenchError(f"{text} is a folder.", "Search by its images with query-batch.")
    if not path.exists():
        raise MissingError(f"There is no file {text}.", "Check the path and try again.")
    return ImageSource(path.name, path, text)


def _describe_query(result: Result) -> str:
    lines = [f"{entry['probability']:7.1%}  {entry['label']}" for entry in result["prediction"][:5]]
    lines += [""] if lines else []
    lines += [
        f"{match['similarity']:7.4f}  {match['path'] or '(removed since)'}  {match['label'] or ''}"
        for match in result["matches"]
    ]
    lines += [result["shortfall"]] if result["shortfall"] else []
    return "\n".join(lines)


def _query_batch(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
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


def _describe_batch(result: Result) -> str:
    counts = [
        f"{result['num_searched']} of {result['num_queries']} queries searched",
        f"{result['num_unreadable']} unreadable" if result["num_unreadable"] else "",
        "stopped before the rest" if result["stopped"] else "",
    ]
    return f"{', '.join(filter(None, counts))}: {result['path']}"


QUERY = Command(
    name="query",
    help="Search by one image",
    options=(
        option("image", "The query image: a file, or a URL.", nargs="?", metavar="IMAGE"),
        option("--url", "Instead of a file: the URL of an image on the public internet."),
        INDEX,
        option("--k", "Number of matches, 1 to 1000.", type=int, default=10),
        option("--min-similarity", "Smallest similarity of a match.", type=float, default=-1.0),
        option("--deduplicate", "Show duplicates as one match.", action="store_true"),
        *IMAGE_OPTIONS,
    ),
    run=_query,
    describe=_describe_query,
    old_options={"--fold": "--deduplicate", "--least-similarity": "--min-similarity"},
)
QUERY_BATCH = Command(
    name="query-batch",
    help="Search by many images",
    configs=(BatchConfig,),
    options=(
        path_option("PATH", "A folder or a zip of images."),
        option("--remove", "Delete the zip afterwards.", action="store_true"),
    ),
    run=_query_batch,
    describe=_describe_batch,
    title="Querying {index} with a batch",
)
COMMANDS = (QUERY, QUERY_BATCH)
