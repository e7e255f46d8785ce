"""The strip on top of every page: what is chosen, what is stale, which job runs."""

import streamlit as st

from core.artifacts.manifests import Manifest
from core.lineage.graph import Lineage
from pages.parts.components import job_panel
from pages.parts.components.text import plain
from state import resources
from state.session import Selection

FAST_S, SLOW_S = 1.0, 15.0
"""How often the strip looks at the jobs: while one is active, and otherwise (another tab may have
started one). A look costs a core 60 ms, most of it the browser's, in each open tab."""


def show(chosen: Selection, lineage: Lineage) -> None:
    """Draw the strip."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="strip"):
        st.markdown(f":gray[Dataset] {_named(chosen.dataset, 'none yet')}")
        model = lineage.model(chosen.model)
        st.markdown(f":gray[Model] {_artifact(model, 'none yet', lineage)}")
        index = lineage.index(chosen.index)
        st.markdown(f":gray[Index] {_artifact(index, 'none yet', lineage)}")
    _jobs(tuple(view.record.id for view in resources.jobs().active()))


def _named(name: str | None, otherwise: str) -> str:
    return f"**{plain(name)}**" if name else f":gray[{otherwise}]"


def _artifact(artifact: Manifest | None, otherwise: str, lineage: Lineage) -> str:
    if artifact is None:
        return _named(None, otherwise)
    reason = lineage.stale_reason(artifact)
    stale = f" :orange-badge[stale: {reason}]" if reason else ""
    return _named(artifact.id, otherwise) + stale


def _jobs(drawn_with: tuple[str, ...]) -> None:
    """Follow the jobs; when one begins or ends, the whole page is drawn once more.

    But not from within the page's own run, which may carry a click: the page would begin anew
    before it comes to the button, and the click be lost.
    """
    is_page_drawn = False

    @st.fragment(run_every=FAST_S if drawn_with else SLOW_S)
    def follow() -> None:
        nonlocal is_page_drawn
        active = resources.jobs().active()
        if is_page_drawn and tuple(view.record.id for view in active) != drawn_with:
            st.rerun()
        is_page_drawn = True
        for view in active:
            st.caption(f":material/hourglass_top: {job_panel.sentence_of_progress(view)}")

    follow()
