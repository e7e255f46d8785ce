"""Checks of one index: the first analysis, the choice of the check, its filters and its list."""

from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.artifacts.manifests import Manifest
from core.commands.quality import ANALYZE
from core.datasets.registry import Dataset
from core.lineage.graph import Lineage
from core.options import as_arguments
from core.quality.config import MIN_IMAGES, AnalysisConfig, Check
from pages.parts.components import config_fields, empty, errors, guards, jobs_menu
from pages.parts.components.launch import launch
from pages.parts.components.text import plain, stale_badge
from pages.parts.data_quality import clusters, filters, groups, overview, ranked
from pages.parts.data_quality.titles import FINDS, OVERVIEW, TITLES
from state import quality, session


def show(line: DeltaGenerator, dataset: Dataset, index: Manifest, lineage: Lineage) -> None:
    """Draw the overview or a check, or the start of the first analysis.

    `line` is the place beside the page's title.
    """
    manifest = lineage.analysis_of(index)
    guards.require_images(index, "An analysis", MIN_IMAGES)
    if manifest is None:
        if not jobs_menu.wait_for(ANALYZE):
            _first(index)
        return
    with line:
        check = _choose_check()
        stale = stale_badge(lineage.stale_reason(manifest))
        if stale:
            st.markdown(stale, width="content", help="Update the index, then re-run the analysis.")
        st.space("stretch")
        with st.popover("Re-run", icon=":material/refresh:"):
            _form(index, "Re-run analysis")
    with errors.shown():
        if check is None:
            overview.show(dataset, manifest)
        else:
            _check(dataset, manifest, check)


def _check(dataset: Dataset, manifest: Manifest, check: Check) -> None:
    view, bar = filters.show(dataset, manifest, check)
    match check:
        case Check.NEAR_DUPLICATES | Check.LEAKAGE:
            groups.show(dataset, manifest, view, check, bar)
        case Check.CLUSTERS:
            clusters.show(dataset, manifest, view, bar)
        case _:
            ranking = quality.ranking(manifest, dataset, check, most_first=view.most_first)
            ranked.show(dataset, manifest, view, ranking, bar)


def _choose_check() -> Check | None:
    """Draw the choice between the overview and the checks; return the check, or None."""
    current = session.selection().quality_view.check
    chosen = st.segmented_control(
        "Check",
        [OVERVIEW, *Check],
        key=session.set_widget("quality-check", current or OVERVIEW),
        format_func=TITLES.__getitem__,
        label_visibility="collapsed",
        required=True,
        on_change=_choose,
    )
    return None if chosen in (None, OVERVIEW) else Check(str(chosen))


def _choose() -> None:
    chosen = session.value_of("quality-check")
    overview.open_check(None if chosen == OVERVIEW else Check(str(chosen)))


def _first(index: Manifest) -> None:
    """Draw what an analysis finds, and the button that starts it."""
    place = empty.state(
        "troubleshoot",
        f"Find problems in the **{index.summary['count']:,}** images of **{plain(index.id)}**.",
        key="analysis",
    )
    with place:
        button = st.container(horizontal_alignment="center")
        with st.expander("Settings", icon=":material/tune:", width=480):
            config = _fields(index)
    if button.button(
        "Run analysis", key="quality-start", type="primary", icon=":material/play_arrow:"
    ):
        _launch(index, config)
    grid = st.grid(3, min_column_width=220, key="quality-finds")
    for check, (icon, what) in FINDS.items():
        with grid.cell(), st.container(border=True, gap=None):
            st.markdown(f"{icon} **{TITLES[check]}**")
            st.caption(what)


def _form(index: Manifest, label: str) -> None:
    config = _fields(index)
    if st.button(label, key="quality-start", icon=":material/play_arrow:"):
        _launch(index, config)


def _launch(index: Manifest, config: AnalysisConfig) -> None:
    launch(ANALYZE, as_arguments(config), dataset=index.made_from["dataset"])


def _fields(index: Manifest) -> AnalysisConfig:
    number = partial(config_fields.number, AnalysisConfig)
    return AnalysisConfig(
        index=index.id,
        neighbors=number("neighbors", "Neighbors", key="quality-neighbors"),
        min_cluster_size=number(
            "min_cluster_size", "Min. cluster size", key="quality-min-cluster-size"
        ),
    )
