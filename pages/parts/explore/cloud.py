"""The scatter plot of a map: its points, highlights, images and selection."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.datasets.registry import Dataset
from core.maps.coloring import CORRECT, INCORRECT, ColorBy, Groups
from core.maps.selection import in_box, in_polygon
from pages.parts.components import scatter_tiles
from pages.parts.components.charts import SPLIT_COLORS
from pages.parts.components.scatter import scatter
from pages.parts.components.scatter_data import Highlight, Pin, ScatterData, ScatterEvent
from pages.parts.explore import hover, layout
from pages.parts.explore.controls import NUMBERS, Look
from state import open_maps, resources, session
from state.open_maps import OpenMap

MAX_PINS = 40
PIN_SIDE = 64
COLORS = {CORRECT: "#2a9d5c", INCORRECT: "#e0474c", **SPLIT_COLORS}
GRAY = "#8b94a3"


def data_of(opened: OpenMap, look: Look, values: NDArray[np.float32] | None) -> ScatterData:
    """Return the data of the scatter plot; `values` are (N,) numbers to color by, if any."""
    groups = groups_of(opened, look)
    return ScatterData(
        points=opened.map.points,
        groups=groups.of_points,
        group_names=groups.names,
        group_colors=_colors(groups, look.color_by),
        values=values,
        value_title=look.color_by.capitalize(),
        density=open_maps.density_of(opened) if look.contours else None,
        version=_version(opened, look, values),
    )


def groups_of(opened: OpenMap, look: Look) -> Groups:
    """Return the groups of the legend; a single one if the points are colored by a number."""
    if look.color_by in NUMBERS:
        return Groups([""], np.zeros(len(opened.map.points), np.int64))
    return open_maps.groups_of(opened, look.color_by)


def draw(
    opened: OpenMap,
    data: ScatterData,
    dataset: Dataset,
    *,
    look: Look,
    only: list[int],
    highlight: Highlight | None,
    places: NDArray[np.int64] | None,
) -> None:
    """Draw the map, with the selected points at `places`; an event on it reruns the page."""
    chosen, map_id = session.selection(), opened.map.manifest.id
    key = f"explore-map-{map_id}"
    event = event_of(map_id, data.version)
    new = scatter(
        data,
        key=key,
        height=layout.HEIGHT,
        highlight=highlight,
        pins=_pins(opened, dataset) if look.pins else (),
        only=only,
        selection=event if event is not None and event.index is None else None,
        stamp="" if places is None else str(event),
        clears=chosen.map_clears,
    )
    serve_tiles(key, data, places)
    hover.serve(key, opened.map.points, opened.map.image_ids, dataset, opened.map.preserved)
    if new is not None:
        chosen.map_event[map_id] = None if new.kind == "clear" else (data.version, new)
        st.rerun()


def serve_tiles(
    key: str, data: ScatterData, places: Sequence[int] | NDArray[np.int64] | None
) -> None:
    """Serve the tiles of a map of very many points, with those at `places` selected, if any are."""
    if not data.is_tiled:
        return
    selected = None
    if places is not None:
        selected = np.zeros(len(data.points), np.bool_)
        selected[places] = True
    scatter_tiles.serve(key, data, selected)


def event_of(map_id: str, version: str) -> ScatterEvent | None:
    """Return the last event on a map, without hidden groups if the legend has changed since."""
    saved = session.selection().map_event.get(map_id)
    if saved is None:
        return None
    of_version, event = saved
    last: ScatterEvent = event if of_version == version else replace(event, hidden=())
    return last


def rows_inside(
    event: ScatterEvent, points: NDArray[np.float32], groups: NDArray[np.integer[Any]]
) -> NDArray[np.int64]:
    """Return the places of (N, 2) points inside a lasso or a box, without hidden groups."""
    if event.kind == "lasso":
        inside = in_polygon(points, np.column_stack([event.x, event.y]))
    else:
        low, high = np.column_stack([event.x, event.y])
        inside = in_box(points, low, high)
    rows: NDArray[np.int64] = np.flatnonzero(inside & ~np.isin(groups, event.hidden))
    return rows


def _version(opened: OpenMap, look: Look, values: NDArray[np.float32] | None) -> str:
    of_query = "" if look.color_by != ColorBy.QUERY or values is None else f"{values.sum():.6f}"
    return f"{opened.key}-{look.color_by}-{look.contours}-{of_query}"


def _colors(groups: Groups, color_by: ColorBy) -> list[str]:
    if color_by in (ColorBy.CORRECTNESS, ColorBy.SPLIT):
        return [COLORS.get(name, GRAY) for name in groups.names]
    return []


def _pins(opened: OpenMap, dataset: Dataset) -> list[Pin]:
    """Return an image of the medoid of each cluster, the largest clusters first."""
    places = open_maps.medoids_of(opened)[:MAX_PINS].tolist()
    ids = {place: int(opened.map.image_ids[place]) for place in places}
    rows = dataset.catalog.rows_by_id(ids.values())
    pins = []
    for number, place in enumerate(places, 1):
        row = rows.get(ids[place])
        src = resources.tile_source(dataset, row, PIN_SIDE)[0] if row else ""
        if src:
            pins.append(Pin(place, src, f"cluster {number}"))
    return pins
