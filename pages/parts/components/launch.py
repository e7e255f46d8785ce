"""Starting a job from a page."""

from collections.abc import Sequence
from typing import NoReturn

import streamlit as st

from core.commands.command import Command, read_values
from core.commands.datasets import VERIFY
from state import resources, session


def launch(
    command: Command, arguments: Sequence[str], *, dataset: str | None = None, title: str = ""
) -> NoReturn:
    """Queue a job, as `queue` does, and draw the page again."""
    queue(command, arguments, dataset=dataset, title=title)
    st.rerun()


def queue(
    command: Command, arguments: Sequence[str], *, dataset: str | None = None, title: str = ""
) -> None:
    """Queue a job; this tab selects what it makes.

    Args:
        command: The verb.
        arguments: Its options.
        dataset: The dataset that it works on; its outcome is shown where that one is selected.
            None for the value of --dataset. Where there is none, as for the import of a new
            dataset, the outcome is shown everywhere.
        title: What the job does; by default as the verb says.
    """
    values = read_values(arguments)
    follow_up: tuple[str, ...] = ()
    if command.adds_images:
        follow_up = (VERIFY.name, "--dataset", values.get("dataset") or values["name"])
    launcher = values.get("launcher")  # Whose machines are others than those of the other jobs
    record = resources.jobs().start(
        (command.name, *arguments),
        title or command.title_of(arguments),
        f"launcher {launcher}" if launcher else command.lane,
        values.get("dataset", "") if dataset is None else dataset,
        follow_up,
        VERIFY.title_of(follow_up) if follow_up else "",
    )
    session.selection().launched_jobs.append(record.id)
