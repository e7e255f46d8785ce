"""Jobs: the menu in the header, its details dialog, and progress on a page that waits for a job."""

import shlex
from collections.abc import Sequence

import streamlit as st

from core.commands import find_command
from core.commands.command import Command
from core.commands.pipeline import QUICKSTART
from core.jobs import processes
from core.jobs.records import Status
from core.lineage.graph import read_lineage
from core.training.runs import request_pause
from pages.parts.components import job_text, navigation
from state import resources, selection_rules, session
from state.job_views import JobView
from state.trainings import run_id_of

FAST_S, SLOW_S = 1.0, 15.0
"""Seconds between two polls of the jobs: while one is active, and otherwise (another tab may have
started one). A poll costs a core 60 ms in each open tab, most of it in the browser."""

MAX_ENDED = 8


def show() -> None:
    """Draw the menu, and the whole page again when a job starts or ends.

    The run of the page itself never reruns, because it may carry a click: the rerun would begin
    before the button is reached, and the click would be lost.
    """
    drawn_with = _active_ids()
    is_page_drawn = False

    @st.fragment(run_every=FAST_S if drawn_with else SLOW_S)
    def follow() -> None:
        nonlocal is_page_drawn
        if is_page_drawn and _active_ids() != drawn_with:
            st.rerun()
        is_page_drawn = True
        _menu()

    follow()
    opened = resources.jobs().view(session.selection().open_job or "")
    if opened is not None:
        _details(opened)


def is_active(*commands: Command) -> bool:
    """Return whether a job of these verbs runs or is queued."""
    return any(_runs(view, commands) for view in resources.jobs().active())


def running(*commands: Command) -> JobView | None:
    """Return the active job of these verbs that was started first; None without one."""
    return next((view for view in resources.jobs().active() if _runs(view, commands)), None)


def wait_for(*commands: Command) -> bool:
    """Draw the progress of an active job of these verbs; return whether there is one.

    For pages that have nothing to show until it ends.
    """
    if running(*commands) is None:
        return False

    @st.fragment(run_every=FAST_S)
    def follow() -> None:
        view = running(*commands)
        if view is not None:
            with st.container(border=True, key="waiting-for-job"):
                _active(view, "page")

    follow()
    return True


def _runs(view: JobView, commands: Sequence[Command]) -> bool:
    """Return whether a job runs one of these verbs, by its name now or in an older release."""
    command = find_command(view.record.verb)
    return command is not None and command.name in {each.name for each in commands}


def _active_ids() -> list[str]:
    return [view.record.id for view in resources.jobs().active()]


def _menu() -> None:
    active, ended = resources.jobs().active(), _ended()
    failed = any(view.record.status in (Status.FAILED, Status.INTERRUPTED) for view in ended)
    active.sort(key=lambda view: view.record.status != Status.RUNNING)  # Queued ones last
    # A fragment is a column of its own, in which the text would push the menu out of the header
    line = st.container(
        horizontal=True,
        wrap=False,
        horizontal_alignment="right",
        vertical_alignment="center",
        gap="small",
        key="jobs-line",
    )
    if active:
        line.markdown(job_text.short_progress(active[0]), width="content")
    elif failed:
        line.markdown(":red[:material/error:]", width="content", help="A job failed.")
    # A popover whose label or icon changes is closed
    menu = line.popover("Jobs", icon=":material/checklist:", key="jobs-menu", on_change="rerun")
    if not menu.open:
        return
    with menu:
        for view in active:
            _active(view, "menu")
        for view in ended:
            _row(view)
        if not active and not ended:
            st.caption("No jobs.")


def _ended() -> list[JobView]:
    """Return the newest ended jobs that were not dismissed in this tab."""
    dismissed = session.selection().dismissed_jobs
    views = [view for view in resources.jobs().views() if not view.active]
    return [view for view in views[:MAX_ENDED] if view.record.id not in dismissed]


def _active(view: JobView, place: str) -> None:
    """Draw an active job and its buttons; `place` is the start of their keys."""
    job_id = f"{place}-{view.record.id}"
    st.progress(view.progress.fraction, text=job_text.progress(view))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if view.record.verb == QUICKSTART.name:
            _query_button(view.record.dataset, place)
        if view.record.status == Status.RUNNING and run_id_of(view.record):
            st.button(
                "Pause",
                key=f"job-pause-{job_id}",
                icon=":material/pause_circle:",
                disabled=view.stopping,
                on_click=_pause,
                args=(view,),
                help="Saves the state; Resume continues from it.",
            )
        st.button(
            "Stopping…" if view.stopping else "Stop",
            key=f"job-stop-{job_id}",
            icon=":material/stop_circle:",
            disabled=view.stopping,
            on_click=resources.jobs().stop,
            args=(view.record.id,),
            help="Keeps the best epoch so far." if run_id_of(view.record) else None,
        )
        st.button(
            "Details", key=f"job-open-{job_id}", type="tertiary", on_click=_open, args=(view,)
        )


def _query_button(dataset: str, place: str) -> None:
    """Draw a button to the Query page once the running pipeline has built an index."""
    lineage = read_lineage(resources.workspace())
    if lineage.indexes_of(dataset=dataset) and st.button(
        "Query", key=f"{place}-query", type="primary", icon=":material/search:"
    ):
        chosen = session.selection()
        if chosen.dataset != dataset or chosen.index is None:
            selection_rules.choose_dataset(chosen, dataset, lineage)
        navigation.go("Query")


def _pause(view: JobView) -> None:
    request_pause(resources.workspace(), run_id_of(view.record) or "")
    resources.jobs().stop(view.record.id)


def _row(view: JobView) -> None:
    job_id = view.record.id
    with st.container(key=f"outcome-{job_id}", gap="xsmall"):
        st.markdown(job_text.outcome(view))
        with st.container(horizontal=True, gap="small"):
            st.button(
                "Details", key=f"job-open-{job_id}", type="tertiary", on_click=_open, args=(view,)
            )
            st.button(
                "Dismiss",
                key=f"job-seen-{job_id}",
                type="tertiary",
                on_click=_dismiss,
                args=(view,),
            )


def _dismiss(view: JobView) -> None:
    session.selection().dismissed_jobs.append(view.record.id)


def _open(view: JobView) -> None:
    session.selection().open_job = view.record.id
    session.set_widget("jobs-menu", False)  # It would lie over the dialog
    st.rerun()


def _close() -> None:
    session.selection().open_job = None


@st.dialog("Job", width="large", on_dismiss=_close)
def _details(view: JobView) -> None:
    """Draw outcome, command and log of a job."""
    sentence = job_text.progress(view) if view.active else job_text.outcome(view)
    st.markdown(sentence)
    st.caption("Command")
    command = processes.command_of(resources.workspace(), view.record)
    st.code(shlex.join(command), language="bash", wrap_lines=True)
    st.caption("Log")
    st.code(resources.jobs().log_of(view.record.id) or "(empty)", language=None, height=320)
