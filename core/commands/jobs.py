"""The verb that lists and stops the jobs of the app."""

import argparse
from dataclasses import asdict

from core.commands.command import STARTING, Command, Result, option
from core.jobs.records import list_active, request_stop
from core.progress import Work
from core.workspace import Workspace


def _jobs(workspace: Workspace, options: argparse.Namespace) -> Work[Result]:
    yield STARTING
    if options.stop:
        request_stop(workspace, options.stop)
    return {"jobs": [asdict(record) for record in list_active(workspace)]}


def _describe_jobs(result: Result) -> str:
    lines = [f"{job['id']}  {job['status']}  {job['title']}" for job in result["jobs"]]
    return "\n".join(lines) or "No jobs."


JOBS = Command(
    name="jobs",
    help="List the queued and running jobs, or stop one",
    options=(option("--stop", "Stop this job.", metavar="ID"),),
    run=_jobs,
    describe=_describe_jobs,
)
COMMANDS = (JOBS,)
