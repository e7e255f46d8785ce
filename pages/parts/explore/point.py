"""The clicked image of a map with its nearest neighbors."""

from typing import TYPE_CHECKING

import streamlit as st

from core.datasets.columns import ImageRow
from core.datasets.registry import Dataset
from pages.parts.components import navigation
from pages.parts.components.gallery import gallery
from pages.parts.components.text import plain
from pages.parts.components.tiles import tiles_of, tiles_of_matches
from state import session

if TYPE_CHECKING:
    from core.query.result import Match


def show(dataset: Dataset, row: ImageRow, matches: "list[Match]", predicted: str | None) -> None:
    """Draw the image, its kNN vote and its nearest neighbors."""
    label = f"**{plain(row.label)}** · " if row.label else ""
    vote = ""
    if predicted is not None and row.label is not None:
        agree = predicted == row.label
        word = "agree" if agree else f"say **{plain(predicted)}**"
        vote = f" · :{'green' if agree else 'orange'}[its neighbors {word}]"
    st.markdown(f"{label}{plain(row.path)}{vote}")
    grid = st.grid(4, min_column_width=200)
    with grid.cell():
        clicked = gallery(
            tiles_of(dataset, [row]), key="explore-point", tile_px=200, label="The point"
        )
        use_as_query(clicked)
    with grid.cell(column_span=3):
        st.caption(f"Its {len(matches)} nearest images, lined to it on the map:")
        tiles = tiles_of_matches(dataset, matches, row.label)
        use_as_query(gallery(tiles, key="explore-neighbors-of-point", label="Neighbors"))


def use_as_query(clicked: int | None) -> None:
    """Open the Query page with the clicked image, if there is one."""
    if clicked is not None:
        session.query_by_image(clicked)
        navigation.go("Query")
