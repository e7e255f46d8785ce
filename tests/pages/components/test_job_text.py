"""Sentences about jobs."""

from dataclasses import replace

from core.jobs.records import JobRecord, Status
from core.progress import Progress
from pages.parts.components.job_text import short_progress
from state.job_views import JobView

RECORD = JobRecord(
    id="train-1",
    arguments=("train",),
    title="Training x on y",
    lane="compute",
    created=1.0,
    status=Status.RUNNING,
)


def test_the_share_of_a_job_comes_first_as_a_narrow_header_cuts_the_rest() -> None:
    assert short_progress(JobView(RECORD, Progress(63, 100))).startswith("63% · Training")
    assert short_progress(JobView(RECORD)) == "Training"
    assert short_progress(JobView(replace(RECORD, status=Status.QUEUED))) == "Queued"
