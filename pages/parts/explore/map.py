"""One map: its quality, controls, plot, and the clicked or selected images."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.artifacts.manifests import Manifest
from core.datasets.registry import Dataset
from core.errors import WorkbenchError
from core.lineage.graph import Lineage
from core.maps.coloring import ColorBy
from pages.parts.components.scatter_data import Highlight, ScatterData, ScatterEvent
from pages.parts.explore import cloud, controls, form, selection
from state import open_maps, queries, session
from state.open_maps import OpenMap
from state.query_on_map import QueryOnMap, locate_query

NEIGHBORS = 10


def _header(opened: OpenMap) -> None:
    """Show the method and the quality of the map."""
    shown = opened.map
    k = shown.neighbors.rows.shape[1]
    facts = [
        f"**{form.name_of(shown.config)}** of {len(shown.points):,} images",
        f"trustworthiness **{shown.trustworthiness:.3f}**",
        f"**{shown.mean_preservation:.0%}** of an image's {k} nearest stay near it",
    ]
    if shown.projection is not None:
        facts.append(f"shows {shown.projection.explained:.0%} of the variance")
    st.markdown(" · ".join(facts), help=QUALITY)
    if opened.num_added:
        st.caption(
            f"{opened.num_added:,} images were added since it was drawn. They are placed by their "
            "neighbors, and all others stay where they were."
        )


QUALITY = """**Trustworthiness** is 1 where no strangers lie together on the map, and about 0.5
where images lie by chance (Venna & Kaski 2001). Color by *Neighborhood preservation* to see where
the map can be believed: what lies near there is near in the embedding space, too."""


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


def _outcome(
    opened: OpenMap, dataset: Dataset, index: Manifest, places: NDArray[np.int64] | int | None
) -> None:
    """Draw the clicked or the selected images under the map."""
    if places is None:
        st.caption(HINT if opened.map.config.dimensions == 2 else HINT_IN_SPACE)
    elif isinstance(places, int):
        image_id = int(opened.map.image_ids[places])
        row = dataset.catalog.rows_by_id([image_id]).get(image_id)
        if row is None:
            st.info("That image is no longer in the dataset. Click another point.")
            return
        matches = queries.nearest_to_image(index, image_id, NEIGHBORS)
        selection.show_point(dataset, row, matches, open_maps.predicted_of(opened, places))
    else:
        selection.show(opened, dataset, places)


HINT = (
    "Click a point to see its image and its neighbors; draw a lasso or a box to see what lies in "
    "it; click in the legend to see one group alone, and again for all."
)
HINT_IN_SPACE = "Drag to turn, scroll to come nearer, click a point to see its image."


def _places(event: ScatterEvent | None, data: ScatterData) -> NDArray[np.int64] | int | None:
    if event is None:
        return None
    if event.index is not None:
        return event.index
    return cloud.rows_inside(event, data.points, data.groups)


def show(manifest: Manifest, index: Manifest, lineage: Lineage, dataset: Dataset) -> None:
    """Draw a map, and under it the images that were clicked or selected."""
    opened = open_maps.open_current_map(manifest, index, dataset)
    _header(opened)
    query = _query_of(index, lineage, dataset)
    in_plane = opened.map.config.dimensions == 2
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        look = controls.choose_look(
            in_plane=in_plane,
            has_labels=any(opened.facts.labels),
            has_query=query is not None,
        )
        groups = cloud.groups_of(opened, look)
        only = controls.choose_groups(groups) if len(groups.names) > 1 else []
        if query is not None:
            st.toggle("The query", True, key="explore-query", help="A star, with its matches.")
    values = None
    if look.color_by == ColorBy.PRESERVED:
        values = opened.map.preserved
    elif query is not None and look.color_by == ColorBy.QUERY:
        values = open_maps.similarities_to(query.vector, index, opened)
    data = cloud.data_of(opened, look, values)
    event = cloud.event_of(manifest.id, data.version)
    highlight = _highlight_of(opened, event, query)
    cloud.draw(opened, data, dataset, look=look, only=only, highlight=highlight)
    _outcome(opened, dataset, index, _places(event, data))
