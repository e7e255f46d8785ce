"""Starting a job from a page."""

from state import resources, session

COMPUTE, IMPORT = "compute", "import"
"""The lanes: what computes takes turns, and beside it images can be brought in."""


def launch(arguments: list[str], title: str, lane: str = COMPUTE) -> None:
    """Queue `python -m core ARGUMENTS`; this tab will work on with what it makes."""
    record = resources.jobs().start(arguments, title, lane)
    session.selection().launched.append(record.id)
