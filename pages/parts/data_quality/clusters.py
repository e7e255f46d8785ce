"""Clusters check: the classes and the most central images of each cluster, or all images of one."""

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.artifacts.manifests import Manifest
from core.datasets.columns import ImageRow
from core.datasets.registry import Dataset
from core.quality.config import Check
from pages.parts.components import empty
from pages.parts.components.gallery import gallery
from pages.parts.components.text import plain
from pages.parts.components.tiles import tiles_of
from pages.parts.data_quality import filters, ranked
from pages.parts.data_quality.titles import MEANINGS
from state import quality, session
from state.view import QualityView

if TYPE_CHECKING:
    from core.quality.clusters import Cluster

CLUSTERS_A_PAGE = 10
CENTRAL = 8
"""Images drawn of each cluster, the medoid first."""

TILE_PX = 96
MAX_NAMED = 4
"""Most classes named in the title of a cluster."""


def show(dataset: Dataset, manifest: Manifest, view: QualityView, bar: DeltaGenerator) -> None:
    """Draw the clusters, or the images of the open one; counts and CSV are in the toolbar."""
    clusters = quality.clusters(manifest, dataset)
    opened = next((each for each in clusters if each.number == view.cluster), None)
    if opened is not None:
        _open_one(dataset, manifest, view, opened, bar)
        return
    if view.labels:
        clusters = [each for each in clusters if any(label in view.labels for label, _ in each.mix)]
    if not clusters:
        _show_empty(view)
        return
    with bar:
        _summary(dataset, manifest, clusters)
    num_pages = -(-len(clusters) // CLUSTERS_A_PAGE)
    page = min(view.page, num_pages)
    shown = clusters[(page - 1) * CLUSTERS_A_PAGE : page * CLUSTERS_A_PAGE]
    image_ids = quality.analysis_of(manifest).image_ids
    central = {each.number: image_ids[each.rows[:CENTRAL]].tolist() for each in shown}
    rows = dataset.catalog.rows_by_id(i for ids in central.values() for i in ids)
    for cluster in shown:
        here = [rows[i] for i in central[cluster.number] if i in rows]
        _cluster(dataset, cluster, here)
    if num_pages > 1:
        st.pagination(
            num_pages, key=session.set_widget("quality-clusters-page", page), on_change=_change_page
        )


def _summary(dataset: Dataset, manifest: Manifest, clusters: "list[Cluster]") -> None:
    num_images = sum(len(each.rows) for each in clusters)
    num_usable = int(quality.image_labels(manifest, dataset).usable.sum())
    st.markdown(
        f"**{len(clusters):,}** clusters · **{num_images:,}** of **{num_usable:,}** images",
        width="content",
        help=MEANINGS[Check.CLUSTERS],
    )
    ranked.csv_button(quality.as_csv, manifest, dataset, clusters)


def _cluster(dataset: Dataset, cluster: "Cluster", central: list[ImageRow]) -> None:
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(_title(cluster), width="stretch")
            st.button(
                f"Show all {len(cluster.rows):,}",
                key=f"quality-cluster-{cluster.number}",
                icon=":material/grid_view:",
                on_click=_open,
                args=(cluster.number,),
            )
        gallery(
            tiles_of(dataset, central),
            key=f"quality-cluster-{cluster.number}-gallery",
            tile_px=TILE_PX,
            label=f"Cluster {cluster.number + 1}",
        )


def _title(cluster: "Cluster") -> str:
    named = ", ".join(
        f"{'**' + plain(label) + '**' if place == 0 else plain(label)} {count:,}"
        for place, (label, count) in enumerate(cluster.mix[:MAX_NAMED])
    )
    more = len(cluster.mix) - MAX_NAMED
    named += f" and {more:,} more classes" if more > 1 else " and 1 more class" if more == 1 else ""
    purity = f" · {100 * cluster.purity:.0f} % purity" if cluster.mix else ""
    return f":gray[Cluster {cluster.number + 1}{purity}]  \n{named or 'unlabeled'}"


def _open_one(
    dataset: Dataset, manifest: Manifest, view: QualityView, cluster: "Cluster", bar: DeltaGenerator
) -> None:
    from core.quality.ranking import Ranking

    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "All clusters",
            key="quality-clusters-back",
            icon=":material/arrow_back:",
            on_click=_open,
            args=(None,),
        )
        st.markdown(_title(cluster))
    no_suggestions = np.full(len(cluster.rows), -1, np.int32)
    ranking = Ranking(cluster.rows, cluster.similarities, no_suggestions)
    ranked.show(dataset, manifest, view, ranking, bar)


def _show_empty(view: QualityView) -> None:
    if view.labels:
        filters.none_match("No cluster has images of these classes.")
    else:
        empty.state(
            "bubble_chart",
            "No clusters found. Reduce the min. cluster size in Re\\-run.",
            key="quality",
        )


def _open(number: int | None) -> None:
    chosen = session.selection()
    chosen.quality_view = chosen.quality_view.changed(cluster=number)
    chosen.quality_selected, chosen.quality_open = frozenset(), None


def _change_page() -> None:
    chosen = session.selection()
    page = int(session.value_of("quality-clusters-page"))
    chosen.quality_view = chosen.quality_view.changed(page=page)
