"""Checks of one index: choice of the check, its filters and its list."""

import streamlit as st

from core.artifacts.manifests import Manifest
from core.commands.quality import ANALYZE
from core.datasets.registry import Dataset
from core.lineage.graph import Lineage
from core.quality.config import MIN_IMAGES, Check
from pages.parts.components import errors, job_panel
from pages.parts.components.text import plain
from pages.parts.data_quality import clusters, filters, form, groups, ranked
from pages.parts.data_quality.texts import MEANINGS, TITLES
from state import quality, session


def show(dataset: Dataset, index: Manifest, lineage: Lineage) -> None:
    """Draw the checks, or the form of the first analysis."""
    manifest = lineage.analysis_of(index)
    if index.summary["count"] < MIN_IMAGES:
        st.info(
            f"An analysis needs at least {MIN_IMAGES} images, and {plain(index.id)} holds "
            f"{index.summary['count']}. Choose another index, or add images to the dataset."
        )
    elif manifest is None:
        st.markdown(
            f"Look through the **{index.summary['count']:,}** embeddings of "
            f"**{plain(index.id)}** for wrong labels, outliers, near-duplicates, leaks between "
            "splits, and clusters."
        )
        form.show(index, first=True)
        job_panel.show(ANALYZE)
    else:
        job_panel.show(ANALYZE)
        _stale(lineage.stale_reason(manifest))
        with errors.shown():
            _check(dataset, manifest)
        with st.expander("Look again", icon=":material/tune:"):
            form.show(index, first=False)


def _stale(reason: str) -> None:
    if reason:
        st.caption(
            f":orange[:material/history:] {reason.capitalize()}: images that came later are not "
            "looked at, and those that went are left out. Update the index, then look again."
        )


def _check(dataset: Dataset, manifest: Manifest) -> None:
    chosen = session.selection()
    check = st.segmented_control(
        "Check",
        list(Check),
        key=session.set_widget("quality-check", chosen.quality_view.check),
        format_func=TITLES.__getitem__,
        label_visibility="collapsed",
        on_change=_choose,
    )
    check = check or chosen.quality_view.check
    st.caption(MEANINGS[check])
    view = filters.show(dataset, chosen.quality_view)
    match check:
        case Check.NEAR_DUPLICATES | Check.LEAKAGE:
            groups.show(dataset, manifest, view)
        case Check.CLUSTERS:
            clusters.show(dataset, manifest, view)
        case _:
            ranking = quality.ranking(manifest, dataset, check, most_first=view.most_first)
            ranked.show(dataset, manifest, view, ranking)


def _choose() -> None:
    check = session.value_of("quality-check")
    chosen = session.selection()
    if check is not None:  # A second click on it
        chosen.quality_view = chosen.quality_view.changed(check=Check(check), cluster=None)
        chosen.quality_selected, chosen.quality_open = frozenset(), None
