"""One map: its quality, options, plot, and the clicked or selected images."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from core.artifacts.manifests import Manifest
from core.datasets.registry import Dataset
from core.errors import WorkbenchError
from core.lineage.graph import Lineage
from core.maps.coloring import ColorBy
from core.query.result import Match
from pages.parts.components import errors
from pages.parts.components.scatter_data import Highlight, ScatterData, ScatterEvent
from pages.parts.explore import cloud, clusters, controls, form, layout, selection
from state import open_maps, queries, session
from state.open_maps import OpenMap
from state.query_on_map import QueryOnMap, locate_query

NEIGHBORS = 10


QUALITY = """**Trustworthiness** is 1 if all neighbors on the map are neighbors in the embedding
space, and about 0.5 for a random map (Venna & Kaski 2001)."""
HINT = "Click a point, or draw a lasso around points."
HINT_IN_SPACE = "Drag to rotate, scroll to zoom, click a point."


def _quality(opened: OpenMap, line: DeltaGenerator) -> None:
    """Show method and quality of the map in the title line."""
    shown = opened.map
    k = shown.neighbors.rows.shape[1]
    facts = [
        f"**{form.name_of(shown.config)}**",
        f"**{shown.mean_preservation:.0%}** of {k}-NN preserved",
        f"trustworthiness **{shown.trustworthiness:.3f}**",
    ]
    if shown.projection is not None:
        facts.append(f"**{shown.projection.explained:.0%}** of variance")
    line.caption(" · ".join(facts), width="content", help=QUALITY)


def _query_of(index: Manifest, lineage: Lineage, dataset: Dataset) -> QueryOnMap | None:
    """Return the current query on the map; None without one."""
    query = session.selection().query
    model = lineage.model(index.made_from["model"])
    if model is None or not query.is_searchable:
        return None
    try:
        return locate_query(query, index, model, dataset)
    except WorkbenchError:  # The Query page shows the error
        return None


def _highlight_of(
    opened: OpenMap, event: ScatterEvent | None, query: QueryOnMap | None
) -> Highlight | None:
    """Return the clicked point with its neighbors, else the query with its matches."""
    if event is not None and event.index is not None:
        near = opened.map.neighbors.rows[event.index, :NEIGHBORS].tolist()
        return Highlight(event.index, near)
    if event is None and query is not None and session.value_of("explore-query"):
        near = opened.rows_of(query.match_ids[:NEIGHBORS])
        return Highlight(None, near, query.on(opened).tolist())
    return None


def _panel(
    opened: OpenMap,
    dataset: Dataset,
    index: Manifest,
    places: NDArray[np.int64] | int | None,
    version: str,
) -> None:
    """Draw the clicked or the selected images, else the clusters of the map."""
    if places is None:
        layout.hint(HINT if opened.map.config.dimensions == 2 else HINT_IN_SPACE)
        if opened.num_added:
            st.caption(f"{opened.num_added:,} images added later are placed by their neighbors.")
        place = clusters.show(opened, dataset)
        if place is not None:
            event = ScatterEvent("click", index=place)
            session.selection().map_event[opened.map.manifest.id] = (version, event)
            st.rerun()
    elif isinstance(places, int):
        image_id = int(opened.map.image_ids[places])
        row = dataset.catalog.rows_by_id([image_id]).get(image_id)
        if row is None:
            st.info("This image is no longer in the dataset.")
            return
        matches: list[Match] = []
        with errors.shown(st.warning):  # A server is away, and the image is shown all the same
            matches = queries.nearest_to_image(index, image_id, NEIGHBORS)
        selection.show_point(opened, dataset, row, matches, open_maps.predicted_of(opened, places))
    else:
        selection.show(opened, dataset, places)


def _places(event: ScatterEvent | None, data: ScatterData) -> NDArray[np.int64] | int | None:
    if event is None:
        return None
    if event.index is not None:
        return event.index
    return cloud.rows_inside(event, data.points, data.groups)


def show(
    maps: list[Manifest],
    index: Manifest,
    lineage: Lineage,
    dataset: Dataset,
    line: DeltaGenerator,
) -> None:
    """Draw a map, and beside it the images that were clicked or selected."""
    options = st.container(
        horizontal=True, vertical_alignment="center", gap="small", key="explore-options"
    )
    manifest = maps[0]
    if len(maps) > 1:
        with options:
            manifest = controls.choose_map(maps, width=220)
    opened = open_maps.open_current_map(manifest, index, dataset)
    _quality(opened, line)
    query = _query_of(index, lineage, dataset)
    with options:
        look = controls.choose_look(
            in_plane=opened.map.config.dimensions == 2,
            has_labels=opened.facts.has_labels,
            has_query=query is not None,
        )
        groups = cloud.groups_of(opened, look)
        only = controls.choose_groups(groups) if len(groups.names) > 1 else []
        if query is not None:
            st.toggle("Query", True, key="explore-query", help="Star, with lines to its matches.")
    values = None
    if look.color_by == ColorBy.PRESERVED:
        values = opened.map.preserved
    elif query is not None and look.color_by == ColorBy.QUERY:
        values = open_maps.similarities_to(query.vector, index, opened)
    data = cloud.data_of(opened, look, values)
    event = cloud.event_of(manifest.id, data.version)
    highlight = _highlight_of(opened, event, query)
    plot, panel = layout.split()
    places = _places(event, data)
    with plot:
        cloud.draw(
            opened,
            data,
            dataset,
            look=look,
            only=only,
            highlight=highlight,
            places=None if isinstance(places, int) else places,
        )
    with panel:
        _panel(opened, dataset, index, places, data.version)
