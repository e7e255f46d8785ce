"""Jobs on a page: progress, stop button, outcome."""

import shlex
import time
from collections.abc import Callable, Sequence

import streamlit as st

from core.commands import find_command
from core.commands.command import Command
from core.jobs import processes
from core.jobs.records import Status
from pages.parts.components.text import duration, plain
from state import resources, session
from state.job_views import JobView

REFRESH_S = 1.0
MAX_ENDED = 3


def _nothing(view: JobView) -> None:
    """Do nothing: a page without controls or a sentence of its own."""


def show(
    *commands: Command,
    controls: Callable[[JobView], None] = _nothing,
    sentence: Callable[[JobView], str | None] = _nothing,
) -> JobView | None:
    """Draw the jobs of these verbs; return the one that runs, or the newest that ended.

    Args:
        commands: The verbs.
        controls: Draws buttons before Stop while a job is active.
        sentence: Returns the outcome of a job, or None for that of its status.
    """
    active, ended = _active(commands), _ended(commands)
    _live([view.record.id for view in active], controls)
    for view in ended:
        _outcome(view, sentence(view) or _sentence(view))
    return next(iter([*active, *ended]), None)


def is_active(*commands: Command) -> bool:
    """Return whether a job of these verbs runs or is queued."""
    return bool(_active(commands))


def _active(commands: Sequence[Command]) -> list[JobView]:
    """Return the running jobs, then the queued ones, each oldest first."""
    views = [view for view in resources.jobs().active() if _runs(view, commands)]
    return sorted(
        views, key=lambda view: (view.record.status != Status.RUNNING, view.record.created)
    )


def _ended(commands: Sequence[Command]) -> list[JobView]:
    """Return the newest ended jobs of the selected dataset that are to be shown.

    They are the newest one and those that ended since the tab was opened, unless dismissed.
    """
    chosen = session.selection()
    views = [
        view
        for view in resources.jobs().views()
        if not view.active and _runs(view, commands) and view.record.dataset in ("", chosen.dataset)
    ][:MAX_ENDED]
    return [
        view
        for number, view in enumerate(views)
        if view.record.id not in chosen.dismissed_jobs
        and (number == 0 or view.record.ended > chosen.opened_at)
    ]


def _runs(view: JobView, commands: Sequence[Command]) -> bool:
    """Return whether a job runs one of these verbs, by its name now or in an older release."""
    command = find_command(view.record.verb)
    return command is not None and command.name in {each.name for each in commands}


def _live(job_ids: Sequence[str], controls: Callable[[JobView], None]) -> None:
    """Draw jobs every second while they are active; `header` draws the page when one ends."""

    @st.fragment(run_every=REFRESH_S)
    def follow() -> None:
        for job_id in job_ids:
            view = resources.jobs().view(job_id)
            if view is not None and view.active:
                _draw(view, controls)

    if job_ids:
        follow()


def _draw(view: JobView, controls: Callable[[JobView], None]) -> None:
    job_id = view.record.id
    st.progress(view.progress.fraction, text=sentence_of_progress(view))
    with st.container(horizontal=True, vertical_alignment="center"):
        controls(view)
        st.button(
            "Stopping…" if view.stopping else "Stop",
            key=f"job-stop-{job_id}",
            icon=":material/stop_circle:",
            disabled=view.stopping,
            on_click=resources.jobs().stop,
            args=(job_id,),
        )
        if view.record.status == Status.RUNNING:
            st.caption("You can leave this page, close the tab or restart the server: it goes on.")


def sentence_of_progress(view: JobView) -> str:
    """Return title, progress and remaining time of an active job."""
    title = plain(view.record.title)
    if view.record.status == Status.QUEUED:
        return f"{title} · waiting for the job before it"
    share = f" · {view.progress.fraction:.0%}" if view.progress.total else ""
    return f"{title}{share} · {plain(view.progress.note) or 'starting'}{_left(view)}"


def _left(view: JobView) -> str:
    """Return the remaining time, estimated from the pace of the current phase."""
    elapsed = time.time() - view.phase_started
    moved = view.progress.fraction - view.phase_fraction
    if moved < 0.02 or elapsed < 3:
        return ""
    return f" · about {duration(elapsed * (1 - view.progress.fraction) / moved)} left"


def _outcome(view: JobView, sentence: str) -> None:
    with st.container(
        border=True,
        horizontal=True,
        vertical_alignment="center",
        horizontal_alignment="distribute",
        key=f"outcome-{view.record.id}",
    ):
        st.markdown(sentence, width="stretch")
        with st.popover("Log and command", icon=":material/terminal:"):
            st.caption("The same from a shell:")
            command = processes.command_of(resources.workspace(), view.record)
            st.code(shlex.join(command), language="bash")
            st.caption("What it printed:")
            st.code(
                resources.jobs().log_of(view.record.id) or "(nothing)", language=None, height=240
            )
        if st.button("Put away", key=f"job-seen-{view.record.id}", type="tertiary"):
            session.selection().dismissed_jobs.append(view.record.id)
            st.rerun()


def _sentence(view: JobView) -> str:
    title = plain(view.record.title)
    match view.record.status:
        case Status.DONE:
            took = duration(view.record.ended - view.record.created)
            return f":green[:material/check_circle:] {title}: done in {took}."
        case Status.STOPPED if view.result:
            return f":orange[:material/stop_circle:] {title}: stopped; the best so far is kept."
        case Status.STOPPED:
            return f":orange[:material/stop_circle:] {title}: stopped. Nothing is half-written."
        case Status.FAILED:
            return f":red[:material/error:] {title} failed. {plain(view.message)}"
    return (
        f":red[:material/power_off:] {title}: interrupted. Its process ended without a word, as it "
        "does when the machine runs out of memory or goes down. Start it again when you are ready."
    )
