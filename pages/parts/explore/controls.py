"""What is chosen beside a map: which one, its colors, what stands on it."""

from dataclasses import dataclass

import streamlit as st

from core.artifacts.manifests import Manifest
from core.maps.coloring import ColorBy, Groups
from core.options import field_docs
from pages.parts.explore.form import title_of

DOCS = {ColorBy[name]: text for name, text in field_docs(ColorBy).items()}
NUMBERS = (ColorBy.QUERY, ColorBy.PRESERVED)
NEEDS_LABELS = (ColorBy.CLASS, ColorBy.PREDICTED, ColorBy.RIGHT)


@dataclass(frozen=True, slots=True)
class Look:
    """How a map is to look."""

    color_by: ColorBy
    contours: bool
    pictures: bool


def choose_map(maps: list[Manifest]) -> Manifest:
    """Draw the choice among the maps of an index where there are several, and return the map."""
    if len(maps) == 1:
        return maps[0]
    titles = {manifest.id: title_of(manifest) for manifest in maps}
    by_id = {manifest.id: manifest for manifest in maps}
    chosen = st.selectbox(
        "Map",
        list(titles),
        format_func=titles.__getitem__,
        key="explore-map",
        persist_state="session",
    )
    return by_id[chosen]


def choose_look(*, in_plane: bool, has_labels: bool, has_query: bool) -> Look:
    """Draw the choice of colors and of what stands on the map; into a row of the caller's."""
    options = [
        color
        for color in ColorBy
        if (has_labels or color not in NEEDS_LABELS) and (has_query or color != ColorBy.QUERY)
    ]
    color_by = st.selectbox(
        "Color by",
        options,
        format_func=str.capitalize,
        key="explore-color",
        help="  \n".join(f"**{name.capitalize()}**: {DOCS[name]}" for name in options),
        persist_state="session",
        width=230,
    )
    if not in_plane:
        return Look(ColorBy(color_by), contours=False, pictures=False)
    contours = st.toggle("Contours", key="explore-contours", persist_state="session")
    pictures = st.toggle(
        "Pictures",
        key="explore-pictures",
        help="One of each cluster, where there is room.",
        persist_state="session",
    )
    return Look(ColorBy(color_by), contours, pictures)


def choose_groups(groups: Groups) -> list[int]:
    """Draw the search for groups, and return which are to be shown; all without any."""
    names = list(groups.names)
    chosen = st.multiselect(
        "Show only",
        names,
        placeholder=f"Search {len(names)} groups",
        key="explore-only",
        width=300,
    )
    places = {name: place for place, name in enumerate(names)}
    return [places[name] for name in chosen]
