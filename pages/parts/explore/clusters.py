"""Clusters of a map: their most central images; a click selects one on the map."""

from dataclasses import replace

import numpy as np
import streamlit as st

from core.datasets.registry import Dataset
from pages.parts.components.gallery import gallery
from pages.parts.components.tiles import tiles_of
from pages.parts.explore.selection import TILE_PX
from state import open_maps
from state.open_maps import OpenMap

SHOWN = 15


def show(opened: OpenMap, dataset: Dataset) -> int | None:
    """Draw the largest clusters, and return the place of the image that was clicked."""
    places = open_maps.medoids_of(opened).tolist()
    st.caption(f"**{len(opened.map.points):,}** images · **{len(places):,}** clusters")
    if not places:
        return None
    clusters = opened.map.clusters
    sizes = np.bincount(clusters[clusters >= 0])
    size_of = {int(opened.map.image_ids[i]): int(sizes[clusters[i]]) for i in places}
    rows = dataset.catalog.rows_by_id(list(size_of)[:SHOWN])
    tiles = [
        replace(tile, caption=f"{size_of[tile.id]:,} images")
        for tile in tiles_of(dataset, [rows[i] for i in size_of if i in rows])
    ]
    clicked = gallery(tiles, key="explore-clusters", tile_px=TILE_PX, label="Clusters")
    return None if clicked is None else opened.row_of(clicked)
