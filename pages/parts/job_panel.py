"""A job on a page: how far it is, its stop button, and how it ended."""

import shlex
import time

import streamlit as st

from core.job_records import Status
from pages.parts.text import duration, plain
from state import resources, session
from state.job_views import JobView

REFRESH_S = 1.0


def show(*verbs: str) -> JobView | None:
    """Draw the newest job of these verbs, unless it ended and was put away; return it."""
    view = newest(*verbs)
    if view is None:
        return None
    if view.active:
        _live(view.record.id)
    elif view.record.id not in session.selection().seen:
        _outcome(view)
    return view


def newest(*verbs: str) -> JobView | None:
    """Return the newest job of these verbs: one that runs, else one that waits or ended."""
    views = [view for view in resources.jobs().views() if view.record.verb in verbs]
    running = [view for view in views if view.record.status == Status.RUNNING]
    return next(iter(running or views), None)


@st.fragment(run_every=REFRESH_S)
def _live(job_id: str) -> None:
    view = resources.jobs().view(job_id)
    if view is None or not view.active:
        st.rerun()
    st.progress(view.progress.fraction, text=sentence_of_progress(view))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Stopping…" if view.stopping else "Stop",
            key=f"job-stop-{job_id}",
            icon=":material/stop_circle:",
            disabled=view.stopping,
            on_click=resources.jobs().stop,
            args=(job_id,),
        )
        st.caption("You can leave this page, close the tab or restart the server: the job goes on.")


def sentence_of_progress(view: JobView) -> str:
    """Say how far a job is that waits or runs, and how long it still needs."""
    title = plain(view.record.title)
    if view.record.status == Status.QUEUED:
        return f"{title} · waiting for the job before it"
    share = f" · {view.progress.fraction:.0%}" if view.progress.total else ""
    return f"{title}{share} · {plain(view.progress.note) or 'starting'}{_left(view)}"


def _left(view: JobView) -> str:
    """Estimate the time left from the pace of the current phase so far."""
    elapsed = time.time() - view.phase_started
    moved = view.progress.fraction - view.phase_fraction
    if moved < 0.02 or elapsed < 3:
        return ""
    return f" · about {duration(elapsed * (1 - view.progress.fraction) / moved)} left"


def _outcome(view: JobView) -> None:
    with st.container(
        border=True,
        horizontal=True,
        vertical_alignment="center",
        horizontal_alignment="distribute",
        key=f"outcome-{view.record.id}",
    ):
        st.markdown(f"{_sentence(view)}", width="stretch")
        with st.popover("Log and command", icon=":material/terminal:"):
            st.caption("The same from a shell:")
            st.code(shlex.join(resources.jobs().command_of(view.record)), language="bash")
            st.caption("What it printed:")
            st.code(
                resources.jobs().log_of(view.record.id) or "(nothing)", language=None, height=240
            )
        if st.button("Put away", key=f"job-seen-{view.record.id}", type="tertiary"):
            session.selection().seen.append(view.record.id)
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
