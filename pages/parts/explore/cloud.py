"""The map itself: its points, what is ringed on it, and what people draw around."""

from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.datasets.registry import Dataset
from core.maps.clusters import medoids
from core.maps.coloring import RIGHT, WRONG, ColourBy, Groups
from core.maps.selection import in_box, in_polygon
from pages.parts.components.charts import SPLIT_COLOURS
from pages.parts.components.scatter import scatter
from pages.parts.components.scatter_data import Highlight, Pin, ScatterData, ScatterEvent
from pages.parts.explore import hover
from pages.parts.explore.controls import NUMBERS, Look
from state import open_maps, resources, session
from state.open_maps import Mapped

MOST_PINS = 40
PIN_SIDE = 64
COLOURS = {RIGHT: "#2a9d5c", WRONG: "#e0474c", **SPLIT_COLOURS}
GREY = "#8b94a3"
HEIGHT = 560


def data_of(opened: Mapped, look: Look, values: NDArray[np.float32] | None) -> ScatterData:
    """Return what is drawn.

    Args:
        opened: The map.
        look: How it is to look.
        values: (N,) numbers to colour by, where it is coloured by a number.
    """
    groups = groups_of(opened, look)
    return ScatterData(
        points=opened.map.points,
        groups=groups.of_points,
        group_names=groups.names,
        group_colours=_colours(groups, look.colour_by),
        values=values,
        value_title=look.colour_by.capitalize(),
        density=open_maps.density_of(opened) if look.contours else None,
        version=_version(opened, look, values),
    )


def groups_of(opened: Mapped, look: Look) -> Groups:
    """Return the groups of the legend; one of all points where they are coloured by a number."""
    if look.colour_by in NUMBERS:
        return Groups([""], np.zeros(len(opened.map.points), np.int64))
    return open_maps.groups_of(opened, look.colour_by)


def draw(
    opened: Mapped,
    data: ScatterData,
    dataset: Dataset,
    *,
    look: Look,
    only: list[int],
    highlight: Highlight | None,
) -> None:
    """Draw the map; what is done on it is kept, and the page run again."""
    chosen, map_id = session.selection(), opened.map.manifest.id
    key = f"explore-map-{map_id}"
    kept = event_of(map_id, data.version)
    new = scatter(
        data,
        key=key,
        height=HEIGHT,
        highlight=highlight,
        pins=_pins(opened, dataset) if look.pictures else (),
        only=only,
        selection=kept if kept is not None and kept.index is None else None,
        clears=chosen.map_clears,
    )
    hover.serve(key, opened.map.points, opened.map.image_ids, dataset, opened.map.kept)
    if new is not None:
        chosen.map_event[map_id] = None if new.kind == "clear" else (data.version, new)
        st.rerun()


def event_of(map_id: str, version: str) -> ScatterEvent | None:
    """Return what was last drawn or clicked on a map; of another legend nothing is hidden."""
    kept = session.selection().map_event.get(map_id)
    if kept is None:
        return None
    of_version, event = kept
    found: ScatterEvent = event if of_version == version else replace(event, hidden=())
    return found


def rows_inside(
    event: ScatterEvent, points: NDArray[np.float32], groups: NDArray[np.integer[Any]]
) -> NDArray[np.int64]:
    """Return which of (N, 2) points lie in a lasso or a box, without those hidden in the legend."""
    if event.kind == "lasso":
        inside = in_polygon(points, np.column_stack([event.x, event.y]))
    else:
        low, high = np.column_stack([event.x, event.y])
        inside = in_box(points, low, high)
    shown: NDArray[np.int64] = np.flatnonzero(inside & ~np.isin(groups, event.hidden))
    return shown


def _version(opened: Mapped, look: Look, values: NDArray[np.float32] | None) -> str:
    of_query = "" if look.colour_by != ColourBy.QUERY or values is None else f"{values.sum():.6f}"
    return f"{opened.key}-{look.colour_by}-{look.contours}-{of_query}"


def _colours(groups: Groups, colour_by: ColourBy) -> list[str]:
    if colour_by in (ColourBy.RIGHT, ColourBy.SPLIT):
        return [COLOURS.get(name, GREY) for name in groups.names]
    return []


def _pins(opened: Mapped, dataset: Dataset) -> list[Pin]:
    """Return a picture of each cluster, of its middle; the largest clusters first."""
    places = medoids(opened.map.points, opened.map.clusters)[:MOST_PINS].tolist()
    ids = {place: int(opened.map.image_ids[place]) for place in places}
    rows = dataset.catalog.rows_by_id(ids.values())
    pins = []
    for number, place in enumerate(places, 1):
        row = rows.get(ids[place])
        src = resources.tile_source(dataset, row, PIN_SIDE)[0] if row else ""
        if src:
            pins.append(Pin(place, src, f"cluster {number}"))
    return pins
