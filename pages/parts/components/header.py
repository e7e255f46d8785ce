"""Header of every page: the selection, what of it is stale, the active jobs."""

import streamlit as st

from core.artifacts.manifests import Manifest
from core.lineage.graph import Lineage
from pages.parts.components import job_panel
from pages.parts.components.text import plain, stale_badge
from state import resources
from state.session import Selection

FAST_S, SLOW_S = 1.0, 15.0
"""Seconds between two polls of the jobs: while one is active, and otherwise (another tab may have
started one). A poll costs a core 60 ms in each open tab, most of it in the browser."""


def show(chosen: Selection, lineage: Lineage) -> None:
    """Draw the header."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="strip"):
        st.markdown(f":gray[Dataset] {_named(chosen.dataset)}")
        st.markdown(f":gray[Model] {_artifact(lineage.model(chosen.model), lineage)}")
        st.markdown(f":gray[Index] {_artifact(lineage.index(chosen.index), lineage)}")
    follow_jobs()


def _named(name: str | None) -> str:
    return f"**{plain(name)}**" if name else ":gray[none yet]"


def _artifact(artifact: Manifest | None, lineage: Lineage) -> str:
    if artifact is None:
        return _named(None)
    return _named(artifact.id) + stale_badge(lineage.stale_reason(artifact))


def follow_jobs() -> None:
    """Draw the active jobs, and the whole page again when one starts or ends.

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
        for view in resources.jobs().active():
            st.caption(f":material/hourglass_top: {job_panel.sentence_of_progress(view)}")

    follow()


def _active_ids() -> list[str]:
    return [view.record.id for view in resources.jobs().active()]
