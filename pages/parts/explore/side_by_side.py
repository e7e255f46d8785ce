"""Maps of the same images by two models with linked selections."""

from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.artifacts.manifests import Manifest
from core.datasets.registry import Dataset
from core.lineage.graph import Lineage
from core.maps.coloring import ColorBy
from pages.parts.components.scatter import scatter
from pages.parts.components.scatter_data import ScatterEvent
from pages.parts.explore import cloud, controls, hover, layout
from pages.parts.explore.controls import Look
from pages.parts.explore.form import title_of
from pages.parts.explore.selection import first_images
from state import open_maps, session
from state.open_maps import OpenMap


def other_maps(lineage: Lineage, index: Manifest) -> dict[str, tuple[Manifest, Manifest]]:
    """Return title → (2D map, its index) of maps by other models of the same dataset."""
    maps = {}
    for other in lineage.indexes_of(dataset=index.made_from["dataset"]):
        if other.made_from["model"] == index.made_from["model"]:
            continue
        for made in _in_plane(lineage.maps_of(other)):
            maps[f"{other.made_from['model']}: {title_of(made)}"] = (made, other)
    return maps


def show(
    maps: list[Manifest],
    others: dict[str, tuple[Manifest, Manifest]],
    index: Manifest,
    dataset: Dataset,
) -> None:
    """Draw the choice of both maps, the maps, and beside them the selected images."""
    maps = _in_plane(maps)
    if not maps:
        st.info("Side by side needs a 2D map of this index.")
        return
    plots, panel = layout.split()
    with plots:
        grid = st.grid(2, min_column_width=240)
        with grid.cell():
            chosen = controls.choose_map(maps, prefix=f"{index.made_from['model']}: ")
            first = open_maps.open_current_map(chosen, index, dataset)
        with grid.cell():
            title = st.selectbox(
                "Other map", list(others), key="explore-beside", label_visibility="collapsed"
            )
            second = open_maps.open_current_map(*others[title], dataset)
        selected = _selected(first, second)
        with grid.cell():
            _draw(first, dataset, "left", selected)
        with grid.cell():
            _draw(second, dataset, "right", selected)
    with panel:
        if selected is None:
            layout.hint("Draw a lasso on either map to see the same images on the other.")
        else:
            _outcome(first, second, dataset, selected)


def _in_plane(maps: list[Manifest]) -> list[Manifest]:
    return [made for made in maps if made.config.get("dimensions", 2) == 2]


def _draw(opened: OpenMap, dataset: Dataset, side: str, selected: list[int] | None) -> None:
    look = Look(ColorBy.CLASS, contours=False, pins=False)
    data = cloud.data_of(opened, look, None)
    key = f"explore-{side}-{opened.map.manifest.id}"
    chosen = session.selection()
    drawn_here = chosen.map_linked is not None and chosen.map_linked[0] == key
    marked = None if selected is None or drawn_here else opened.rows_of(selected)
    new = scatter(
        data,
        key=key,
        height=layout.HEIGHT,
        marked=None if data.is_tiled else marked,
        stamp=str(chosen.map_linked and hash(tuple(chosen.map_linked[1]))),
        clears=chosen.map_clears,
    )
    cloud.serve_tiles(key, data, opened.rows_of(selected) if selected is not None else None)
    hover.serve(key, opened.map.points, opened.map.image_ids, dataset, opened.map.preserved)
    if new is None:
        return
    if new.kind == "clear":
        if drawn_here:
            chosen.map_linked = None
            st.rerun()
        return
    chosen.map_linked = (key, _ids(opened, new, data.groups))
    st.rerun()


def _ids(opened: OpenMap, event: ScatterEvent, groups: NDArray[np.integer[Any]]) -> list[int]:
    if event.index is not None:
        return [int(opened.map.image_ids[event.index])]
    places = cloud.rows_inside(event, opened.map.points, groups)
    ids: list[int] = opened.map.image_ids[places].tolist()
    return ids


def _selected(first: OpenMap, second: OpenMap) -> list[int] | None:
    """Return the catalog ids of the last selection on one of these two maps."""
    linked = session.selection().map_linked
    keys = {f"explore-left-{first.map.manifest.id}", f"explore-right-{second.map.manifest.id}"}
    return linked[1] if linked is not None and linked[0] in keys else None


def _outcome(first: OpenMap, second: OpenMap, dataset: Dataset, selected: list[int]) -> None:
    if not selected:
        st.info("No images in this selection.")
        return
    precisions = []
    for name, opened in (("left", first), ("right", second)):
        places = np.array(opened.rows_of(selected), np.int64)
        summary = opened.summarize(places)
        if summary.precision is not None:
            precisions.append(f"{name} **{summary.precision:.1%}**")
    precision = f"  \nPrecision@10: {', '.join(precisions)}" if precisions else ""
    st.markdown(f"**{len(selected):,} selected**{precision}")
    first_images(dataset, selected, key="explore-linked-images")
