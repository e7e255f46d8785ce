"""The verbs that ask: query, jobs."""

import argparse
from dataclasses import asdict
from pathlib import Path

from core.commands.command import STARTING, Command, Result
from core.commands.image_options import add_image_options, read_image_options
from core.jobs.records import list_running, request_stop
from core.progress import Work
from core.query import ImageSource, Query, QueryImage, SearchOptions, open_for_search, search
from core.workspace import Workspace


def _configure_query(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", type=Path, metavar="IMAGE", help="the image to search by")
    parser.add_argument("--index", required=True, help="id of the index")
    parser.add_argument("--k", type=int, default=10, help="matches wanted, 1 to 1000")
    parser.add_argument(
        "--min-similarity", type=float, default=-1.0, help="leave out matches below it"
    )
    parser.add_argument(
        "--deduplicate", action="store_true", help="return only the best of several duplicates"
    )
    add_image_options(parser)


def _run_query(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    query = Query(
        images=(QueryImage(digest=str(options.image)),),
        options=SearchOptions(
            k=options.k,
            images=read_image_options(options),
            min_similarity=options.min_similarity,
            deduplicate=options.deduplicate,
        ),
    )
    yield STARTING
    source = ImageSource(options.image.name, options.image, str(options.image))
    return search(open_for_search(workspace, options.index), query, [source]).as_json()


def _describe_query(result: Result) -> str:
    lines = [f"{entry['probability']:7.1%}  {entry['label']}" for entry in result["prediction"][:5]]
    lines += [""] if lines else []
    lines += [
        f"{match['similarity']:7.4f}  {match['path'] or '(removed since)'}  {match['label'] or ''}"
        for match in result["matches"]
    ]
    return "\n".join(lines)


def _configure_jobs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stop", metavar="ID", help="ask this job to stop")


def _run_jobs(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    yield STARTING
    if options.stop:
        request_stop(workspace, options.stop)
    return {"jobs": [asdict(record) for record in list_running(workspace)]}


def _describe_jobs(result: Result) -> str:
    lines = [f"{job['id']}  {job['status']}  {job['title']}" for job in result["jobs"]]
    return "\n".join(lines) or "No job runs."


QUERY = Command("search by an image", _configure_query, _run_query, _describe_query)
JOBS = Command("list and stop the app's jobs", _configure_jobs, _run_jobs, _describe_jobs)
