"""Checks of one index: form of the analysis, choice of the check, its filters and its list."""

from functools import partial

import streamlit as st

from core.artifacts.manifests import Manifest
from core.commands.quality import ANALYZE
from core.datasets.registry import Dataset
from core.lineage.graph import Lineage
from core.options import as_arguments
from core.quality.config import MIN_IMAGES, AnalysisConfig, Check
from pages.parts.components import config_fields, errors, guards, job_panel
from pages.parts.components.launch import launch
from pages.parts.components.text import plain
from pages.parts.data_quality import clusters, filters, groups, ranked
from state import quality, session

TITLES = {
    Check.LABEL_ISSUES: ":material/label_off: Wrong labels",
    Check.OUTLIERS: ":material/scatter_plot: Outliers",
    Check.NEAR_DUPLICATES: ":material/content_copy: Near-duplicates",
    Check.LEAKAGE: ":material/call_split: Leaks",
    Check.REPRESENTATIVENESS: ":material/star: Typical",
    Check.CLUSTERS: ":material/bubble_chart: Clusters",
}
MEANINGS = {
    Check.LABEL_ISSUES: "Images whose label their neighbors and the rest of their class make "
    "improbable. The percentage is the doubt: at 50 % what is suggested is as probable as the "
    "label, at 100 % it is certain. Open one to see its neighbors.",
    Check.OUTLIERS: "Images that are like no other: broken, odd, or of something that belongs "
    "elsewhere. The distance is the mean cosine distance to the 10 nearest; 0 has others just "
    "like it.",
    Check.NEAR_DUPLICATES: "Other files that the model finds nearly the same, and perceptual "
    "hashes do not: another crop, angle or moment. Copies and look-alikes by hash are on the "
    "Datasets page, under Duplicates.",
    Check.LEAKAGE: "Images that are in several splits, as the same file or nearly the same: what "
    "is measured on them is flattered. The framed image stays, the tested one first.",
    Check.REPRESENTATIVENESS: "How like each image is to the mean of all others of its class, as "
    "cosine similarity: the least typical are often wrong, the most typical are good examples.",
    Check.CLUSTERS: "Groups of images that lie near each other whatever their labels say, by "
    "HDBSCAN. Those come first that mix most images of other classes. Images in no cluster are "
    "left out.",
}


def show(dataset: Dataset, index: Manifest, lineage: Lineage) -> None:
    """Draw the checks, or the form of the first analysis."""
    manifest = lineage.analysis_of(index)
    guards.require_images(index, "An analysis", MIN_IMAGES)
    if manifest is None:
        st.markdown(
            f"Look through the **{index.summary['count']:,}** embeddings of "
            f"**{plain(index.id)}** for wrong labels, outliers, near-duplicates, leaks between "
            "splits, and clusters."
        )
        _form(index, first=True)
        job_panel.show(ANALYZE)
    else:
        job_panel.show(ANALYZE)
        _stale(lineage.stale_reason(manifest))
        with errors.shown():
            _check(dataset, manifest)
        with st.expander("Look again", icon=":material/tune:"):
            _form(index, first=False)


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


def _form(index: Manifest, *, first: bool) -> None:
    """Draw the form of an analysis; `first` is whether the index has none yet."""
    number = partial(config_fields.number, AnalysisConfig)
    columns = st.columns(3)
    neighbors = number("neighbors", "Neighbors", key="quality-neighbors", place=columns[0])
    min_cluster_size = number(
        "min_cluster_size",
        "Fewest images of a cluster",
        key="quality-min-cluster-size",
        place=columns[1],
    )
    if st.button(
        "Look through them" if first else "Look again",
        key="quality-start",
        type="primary" if first else "secondary",
        icon=":material/troubleshoot:",
    ):
        config = AnalysisConfig(
            index=index.id, neighbors=neighbors, min_cluster_size=min_cluster_size
        )
        launch(ANALYZE, as_arguments(config), dataset=index.made_from["dataset"])
