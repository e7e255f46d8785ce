"""Starting a job from a page."""

from collections.abc import Sequence

from state import resources, session

COMPUTE, IMPORT = "compute", "import"
"""The lanes: what computes takes turns, and beside it images can be brought in."""


def launch(
    arguments: Sequence[str],
    title: str,
    *,
    dataset: str = "",
    lane: str = COMPUTE,
    follow_up: Sequence[str] = (),
    follow_up_title: str = "",
) -> None:
    """Queue `python -m core ARGUMENTS`; this tab will work on with what it makes.

    Args:
        arguments: The verb and its options.
        title: What the job does, in the user's words.
        dataset: The dataset that it works on; its outcome is told where that one is chosen.
        lane: Jobs of one lane run one after the other.
        follow_up: The verb and the options of a job to queue once this one is done.
        follow_up_title: What that one does.
    """
    record = resources.jobs().start(arguments, title, lane, dataset, follow_up, follow_up_title)
    session.selection().launched.append(record.id)


def launch_import(
    arguments: Sequence[str], title: str, dataset: str, *, is_new: bool = False
) -> None:
    """Queue a job that brings images into a dataset, and behind it the check of its images.

    What becomes of a new one is told wherever one is: if it fails, it cannot be chosen.
    """
    launch(
        arguments,
        title,
        dataset="" if is_new else dataset,
        lane=IMPORT,
        follow_up=["check", "--dataset", dataset],
        follow_up_title=f"Checking the images of {dataset}",
    )
