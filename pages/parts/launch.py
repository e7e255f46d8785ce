"""Starting a job from a page."""

from state import resources, session

COMPUTE, IMPORT = "compute", "import"
"""The lanes: what computes takes turns, and beside it images can be brought in."""


def launch(arguments: list[str], title: str, *, about: str = "", lane: str = COMPUTE) -> None:
    """Queue `python -m core ARGUMENTS`; this tab will work on with what it makes.

    Args:
        arguments: The verb and its options.
        title: What the job does, in the user's words.
        about: The dataset that it works on; its outcome is told where that one is chosen.
        lane: Jobs of one lane run one after the other.
    """
    record = resources.jobs().start(arguments, title, lane, about)
    session.selection().launched.append(record.id)
